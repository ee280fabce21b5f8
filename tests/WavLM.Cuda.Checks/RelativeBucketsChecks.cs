using System.Globalization;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>The bucket of every distance from -2000 to 2000 for three tables.</summary>
internal static class RelativeBucketsChecks
{
    private const int Farthest = 2000;

    // Distances at which the bucket changes beyond the exact ones, as PyTorch finds them in float32. 640 of 320 / 1280 is one:
    // steps multiplied before the division put it a bucket lower.
    private static readonly (int Buckets, int MaxDistance, int[] Changes)[] Tables =
    [
        (320, 800,
        [
            80, 83, 85, 88, 90, 93, 96, 98, 101, 104, 107, 110, 114, 117, 120, 124, 127, 131, 135, 139, 143, 147, 151, 156, 160, 165, 170,
            175, 180, 185, 190, 196, 201, 207, 213, 220, 226, 233, 239, 246, 253, 261, 268, 276, 284, 293, 301, 310, 319, 328, 338, 348, 358,
            368, 379, 390, 401, 413, 425, 438, 450, 464, 477, 491, 505, 520, 535, 551, 567, 583, 600, 618, 636, 655, 674, 693, 714, 734, 756, 778,
        ]),
        (320, 1280,
        [
            80, 83, 86, 89, 92, 96, 99, 102, 106, 110, 114, 118, 122, 126, 130, 135, 140, 145, 150, 155, 160, 166, 172, 178, 184, 191, 197,
            204, 212, 219, 227, 235, 243, 252, 260, 270, 279, 289, 299, 310, 320, 332, 343, 356, 368, 381, 394, 408, 423, 438, 453, 469, 486,
            503, 520, 539, 558, 577, 598, 619, 640, 663, 686, 711, 736, 762, 788, 816, 845, 875, 906, 938, 971, 1005, 1040, 1077, 1115, 1154, 1195, 1237,
        ]),
        (32, 100, [8, 11, 16, 21, 29, 39, 54, 73]),
    ];

    public static IEnumerable<Check> All => Tables.Select(table => Check.OnHost(
        string.Create(CultureInfo.InvariantCulture, $"relative_buckets buckets={table.Buckets} max_distance={table.MaxDistance}"),
        errors => AreThoseOfPyTorch(errors, table.Buckets, table.MaxDistance, table.Changes)));

    private static void AreThoseOfPyTorch(Errors errors, int buckets, int maxDistance, int[] changes)
    {
        int ofSign = buckets / 2, exact = ofSign / 2;
        for (int distance = -Farthest; distance <= Farthest; distance++)
        {
            int magnitude = Math.Abs(distance);
            int expected = magnitude < exact ? magnitude : exact - 1 + changes.Count(change => change <= magnitude);
            errors.Equal($"bucket of {distance}", RelativeBuckets.Bucket(distance, buckets, maxDistance), expected + (distance > 0 ? ofSign : 0));
        }
    }
}
