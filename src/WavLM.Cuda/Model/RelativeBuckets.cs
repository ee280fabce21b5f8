namespace WavLM.Cuda.Model;

/// <summary>The buckets of T5's relative position bias as WavLM uses them.</summary>
internal static class RelativeBuckets
{
    /// <summary>
    /// Half of the buckets for each sign; of a half, the first half is exact, the rest logarithmic up to
    /// <paramref name="maxDistance"/>. In float32, rounded after each step and in this order: another order moves boundary
    /// distances into the next bucket.
    /// </summary>
    /// <param name="distance">Key index less query index.</param>
    /// <param name="buckets">Rows of the bias table.</param>
    /// <param name="maxDistance">From here on the last bucket serves.</param>
    public static int Bucket(int distance, int buckets, int maxDistance)
    {
        int ofSign = buckets / 2, exact = ofSign / 2;
        int first = distance > 0 ? ofSign : 0;
        int magnitude = Math.Abs(distance);
        if (magnitude < exact) return first + magnitude;
        float octaves = MathF.Log((float)magnitude / exact) / (float)Math.Log((double)maxDistance / exact);
        float steps = octaves * (ofSign - exact);
        return first + Math.Min(ofSign - 1, exact + (int)steps);
    }
}
