using System.Runtime.InteropServices;
using WavLM.Cuda.Audio.Interop;

namespace WavLM.Cuda.Tests.Audio;

/// <summary>Writes recordings for the tests, through libsndfile itself.</summary>
internal static unsafe partial class Recordings
{
    public const int Wav = 0x010000, Aiff = 0x020000, Flac = 0x170000, Ogg = 0x200000, Mpeg = 0x230000;
    public const int Int16 = 2, Int24 = 3, Float = 6, Vorbis = 0x60, Opus = 0x64, LayerThree = 0x82;

    /// <summary>A file name and the format that belongs to it.</summary>
    public static int FormatOf(string path) => Path.GetExtension(path) switch
    {
        ".wav" => Wav | Int16,
        ".flac" => Flac | Int16,
        ".aiff" => Aiff | Int16,
        ".ogg" => Ogg | Vorbis,
        ".opus" => Ogg | Opus,
        ".mp3" => Mpeg | LayerThree,
        _ => throw new ArgumentException(path),
    };

    public static string WriteFloat(string path, ReadOnlySpan<float> interleaved, int rate = 16_000, int channels = 1, int? format = null)
    {
        SF_INFO info = new() { samplerate = rate, channels = channels, format = format ?? FormatOf(path) };
        nint file = Open(path, &info);
        fixed (float* from = interleaved) Check(sf_writef_float(file, from, interleaved.Length / channels), interleaved.Length / channels);
        Check(sf_close(file), 0);
        return path;
    }

    public static string WriteInt16(string path, ReadOnlySpan<short> interleaved, int rate = 16_000, int channels = 1)
    {
        SF_INFO info = new() { samplerate = rate, channels = channels, format = FormatOf(path) };
        nint file = Open(path, &info);
        fixed (short* from = interleaved) Check(sf_writef_short(file, from, interleaved.Length / channels), interleaved.Length / channels);
        Check(sf_close(file), 0);
        return path;
    }

    /// <summary>The values are 24 bits, in the upper part of each int, as libsndfile has it.</summary>
    public static string WriteInt24(string path, ReadOnlySpan<int> samples)
    {
        SF_INFO info = new() { samplerate = 16_000, channels = 1, format = Wav | Int24 };
        nint file = Open(path, &info);
        fixed (int* from = samples) Check(sf_writef_int(file, from, samples.Length), samples.Length);
        Check(sf_close(file), 0);
        return path;
    }

    /// <summary>The beginning of a file, as a broken copy leaves it.</summary>
    public static string CutShort(string path, double part)
    {
        using FileStream stream = File.OpenWrite(path);
        stream.SetLength((long)(stream.Length * part));
        return path;
    }

    public static float[] Sine(double frequency, int rate, int samples, double amplitude = 0.5)
    {
        float[] sine = new float[samples];
        for (int i = 0; i < samples; i++) sine[i] = (float)(amplitude * Math.Sin(2 * Math.PI * frequency * i / rate));
        return sine;
    }

    private static nint Open(string path, SF_INFO* info)
    {
        nint file = sf_open(path, 0x20, info);
        return file != 0 ? file : throw new InvalidOperationException($"{path}: {Marshal.PtrToStringUTF8(sf_strerror(0))}");
    }

    private static void Check(long actual, long expected)
    {
        if (actual != expected) throw new InvalidOperationException($"libsndfile returned {actual}, expected {expected}");
    }

    [LibraryImport("libsndfile.so.1", StringMarshalling = StringMarshalling.Utf8)] private static partial nint sf_open(string path, int mode, SF_INFO* info);
    [LibraryImport("libsndfile.so.1")] private static partial long sf_writef_float(nint file, float* samples, long frames);
    [LibraryImport("libsndfile.so.1")] private static partial long sf_writef_short(nint file, short* samples, long frames);
    [LibraryImport("libsndfile.so.1")] private static partial long sf_writef_int(nint file, int* samples, long frames);
    [LibraryImport("libsndfile.so.1")] private static partial int sf_close(nint file);
    [LibraryImport("libsndfile.so.1")] private static partial nint sf_strerror(nint file);
}
