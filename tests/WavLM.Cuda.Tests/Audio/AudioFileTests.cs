using System.Runtime.Versioning;
using WavLM.Cuda.Audio;

namespace WavLM.Cuda.Tests.Audio;

public sealed class AudioFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("all.wav")]
    [InlineData("all.flac")]
    [InlineData("all.aiff")]
    public void Every_16_bit_value_is_exact(string name)
    {
        short[] values = [.. Enumerable.Range(short.MinValue, 65_536).Select(v => (short)v)];

        float[] samples = ReadMean(Recordings.WriteInt16(_folder.File(name), values));

        Assert.Equal(values.Select(v => v / 32768f), samples);
    }

    [Fact]
    public void Twenty_four_bit_values_are_exact()
    {
        int[] values = [.. Enumerable.Range(0, 5_000).Select(i => (i * 3_343 - 8_388_608) % 8_388_608)];

        float[] samples = ReadMean(Recordings.WriteInt24(_folder.File("a.wav"), [.. values.Select(v => v << 8)]));

        Assert.Equal(values.Select(v => v / 8_388_608f), samples);
    }

    [Fact]
    public void Float_samples_are_not_touched_beyond_one_either()
    {
        float[] values = [0, 1, -1, 3.75f, -1e6f, 1e-38f, float.Epsilon, 0.1f];

        Assert.Equal(values, ReadMean(Recordings.WriteFloat(_folder.File("a.wav"), values, format: Recordings.Wav | Recordings.Float)));
    }

    [Theory]
    [InlineData("a.ogg", 44_100)]
    [InlineData("a.opus", 48_000)]
    [InlineData("a.mp3", 44_100)]
    [InlineData("a.mp3", 8_000)]
    public void Lossy_formats_keep_length_and_sound(string name, int rate)
    {
        float[] sine = Recordings.Sine(440, rate, 2 * rate);

        using AudioFile file = AudioFile.Open(Recordings.WriteFloat(_folder.File(name), sine, rate));
        float[] samples = file.Read(ChannelSelection.Mean)[0];

        Assert.Equal((rate, 1, 2L * rate), (file.SampleRate, file.Channels, file.Frames));
        Assert.Equal(sine.Length, samples.Length);
        double error = 0, power = 0;
        for (int i = rate / 2; i < rate; i++)
        {
            error += Math.Pow(samples[i] - sine[i], 2);
            power += Math.Pow(sine[i], 2);
        }
        Assert.InRange(error / power, 0, 0.01);
    }

    [Fact]
    public void Channels_are_averaged_chosen_or_kept_apart()
    {
        float[] interleaved = [.. Enumerable.Range(0, 30_000).SelectMany(i => new[] { i / 65_536f, -1f, 0.25f })];
        string path = Recordings.WriteFloat(_folder.File("three.wav"), interleaved, 8_000, channels: 3, Recordings.Wav | Recordings.Float);
        float[][] Read(ChannelSelection selection) { using AudioFile file = AudioFile.Open(path); return file.Read(selection); }

        float[] left = [.. Enumerable.Range(0, 30_000).Select(i => i / 65_536f)];
        Assert.Equal(left.Select(v => (float)(((double)v - 0.75) / 3)), Assert.Single(Read(ChannelSelection.Mean)));
        Assert.Equal(left, Assert.Single(Read(ChannelSelection.One(0))));
        Assert.All(Assert.Single(Read(ChannelSelection.One(2))), v => Assert.Equal(0.25f, v));
        float[][] each = Read(ChannelSelection.Each);
        Assert.Equal(3, each.Length);
        Assert.Equal(left, each[0]);
        Assert.All(each[1], v => Assert.Equal(-1f, v));

        Assert.Contains("found 3 channels, channel 3 was asked for", Assert.Throws<AudioException>(() => Read(ChannelSelection.One(3))).Message);
    }

    [Fact]
    public void A_name_that_is_not_ascii_is_opened()
        => Assert.Equal(800, ReadMean(Recordings.WriteFloat(_folder.File("Grüße-你好.wav"), new float[800])).Length);

    [Fact]
    public void A_missing_file_a_folder_and_an_empty_file_are_named()
    {
        string empty = _folder.File("empty.wav");
        File.WriteAllBytes(empty, []);

        AssertFails(_folder.File("nowhere.wav"), "nowhere.wav: no such file");
        AssertFails(_folder.Path, "a folder, expected an audio file");
        AssertFails(empty, "empty.wav: empty (0 bytes), expected audio");
    }

    [SkippableFact]
    [SupportedOSPlatform("linux")]
    public void A_file_without_permission_is_unreadable()
    {
        Skip.If(Environment.IsPrivilegedProcess, "root may read everything");
        string path = Recordings.WriteFloat(_folder.File("a.wav"), new float[800]);
        File.SetUnixFileMode(path, UnixFileMode.None);

        AssertFails(path, "can't be read");
    }

    [Theory]
    [InlineData("text.wav")]
    [InlineData("text.flac")]
    [InlineData("text.mp3")]
    public void What_is_not_audio_gets_the_librarys_reason(string name)
    {
        string path = _folder.File(name);
        File.WriteAllText(path, string.Concat(Enumerable.Repeat("This is no recording.\n", 50)));

        AssertFails(path, "not readable as audio", "libsndfile says '");
    }

    [Theory]
    [InlineData("a.wav", "cut short: found 95,", "expected the 192,000 that its header states")]
    [InlineData("a.aiff", "cut short: found 95,")]
    [InlineData("a.flac", "cut short: decoded", "expected the 96,000 that its header states")]
    [InlineData("a.ogg", "cut short: the stream has no end mark")]
    [InlineData("a.opus", "cut short: the stream has no end mark")]
    public void A_recording_cut_short_is_refused(string name, params string[] words)
        => AssertFails(Recordings.CutShort(Recordings.WriteFloat(_folder.File(name), Noise(96_000)), 0.5), words);

    [Theory]
    [InlineData(0xFFFF_FFFFu)]
    [InlineData(0x7FFF_FFFFu)]
    public void A_streams_unknown_length_means_to_the_end(uint length)
    {
        string path = Recordings.WriteFloat(_folder.File("streamed.wav"), Noise(32_000));
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.GetBytes(length).CopyTo(bytes, 4);
        BitConverter.GetBytes(length).CopyTo(bytes, 40);
        File.WriteAllBytes(path, bytes);

        Assert.Equal(32_000, ReadMean(path).Length);
    }

    [Fact]
    public void The_first_sample_that_is_not_finite_is_named()
    {
        const int Format = Recordings.Wav | Recordings.Float;
        float[] samples = new float[2 * 40_000];
        samples[2 * 24_000 + 1] = float.NegativeInfinity;
        samples[2 * 24_001] = float.NaN;

        AssertFails(Recordings.WriteFloat(_folder.File("stereo.wav"), samples, channels: 2, format: Format), "sample 24000 of channel 1 (1.500 s) is infinite");
        AssertFails(Recordings.WriteFloat(_folder.File("mono.wav"), [0, 0, float.NaN], format: Format), "sample 2 (0.000 s) is NaN");
    }

    [Fact]
    public void A_length_that_nobody_can_hold_is_not_allocated()
    {
        string path = Recordings.WriteFloat(_folder.File("a.flac"), Noise(32_000));
        byte[] bytes = File.ReadAllBytes(path);
        // STREAMINFO begins at byte 8; its count of samples is 36 bits, from the low half of byte 21 on.
        bytes[21] |= 0x0F;
        bytes.AsSpan(22, 4).Fill(0xFF);
        File.WriteAllBytes(path, bytes);

        AssertFails(path, "expected the 68,719,476,735 that its header states");
    }

    private static float[] Noise(int samples)
    {
        Random random = new(5);
        return [.. Enumerable.Range(0, samples).Select(_ => (float)(random.NextDouble() - 0.5))];
    }

    private static float[] ReadMean(string path)
    {
        using AudioFile file = AudioFile.Open(path);
        float[] samples = file.Read(ChannelSelection.Mean)[0];
        Assert.Equal(file.Frames, samples.Length);
        return samples;
    }

    private static void AssertFails(string path, params string[] words)
    {
        AudioException error = Assert.Throws<AudioException>(() =>
        {
            using AudioFile file = AudioFile.Open(path);
            file.Read(ChannelSelection.Mean);
        });
        Assert.StartsWith(path, error.Message);
        Assert.All(words, word => Assert.Contains(word, error.Message));
    }
}
