using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using WavLM.Cuda.Audio.Interop;

namespace WavLM.Cuda.Audio;

/// <summary>An open audio file, decoded by libsndfile: WAV, FLAC, OGG, Opus, MP3, AIFF.</summary>
/// <remarks>Integer samples become value / 2^(bits - 1), exactly; float samples are not touched, also beyond 1.</remarks>
public sealed unsafe partial class AudioFile : IDisposable
{
    private const int BlockFrames = 1 << 14;

    // A header may claim any length. Memory is taken for what was decoded, doubling from here.
    private const int FirstCapacity = 1 << 22;

    // Writers that cannot seek back leave 0x7FFFFFFF or 0xFFFFFFFF, less a header, for the length: it means "to the end".
    private const long EndlessBytes = 0x7FFF_0000;

    private readonly SndFileHandle _file;
    private readonly bool _lengthIsEstimate;

    private AudioFile(string path, SndFileHandle file, in SF_INFO info)
    {
        Path = path;
        _file = file;
        SampleRate = info.samplerate;
        Channels = info.channels;
        Frames = info.frames;
        // An MP3 without a Xing header has no length; the library guesses it from the first frame's bit rate.
        _lengthIsEstimate = (info.format & SndFile.SF_FORMAT_TYPEMASK) == SndFile.SF_FORMAT_MPEG;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Samples a second of each channel.</summary>
    public int SampleRate { get; }

    /// <summary>Channels.</summary>
    public int Channels { get; }

    /// <summary>Samples of each channel by the header; for MP3 it can be an estimate.</summary>
    public long Frames { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="AudioException">It is missing, empty, unreadable, cut short or not audio.</exception>
    public static AudioFile Open(string path)
    {
        CheckReadable(path);
        SF_INFO info = default;
        SndFileHandle file = SndFile.sf_open(path, SndFile.SFM_READ, ref info);
        try
        {
            if (file.IsInvalid)
            {
                string reason = Marshal.PtrToStringUTF8((nint)SndFile.sf_strerror_of_open(0)) ?? "no reason given";
                throw new AudioException(path, $"not readable as audio ({AudioFormats.Extensions}): libsndfile says '{reason.TrimEnd()}'. Is the file complete, and what its name says?");
            }
            CheckComplete(path, file, info);
            return new AudioFile(path, file, info);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Decodes the file from its beginning, as far as it goes. Call it once.</summary>
    /// <param name="selection">Which channels.</param>
    /// <param name="cancellationToken">Looked at between blocks.</param>
    /// <returns>One array of samples, or one a channel for <see cref="ChannelSelection.Each"/>; at the file's own rate.</returns>
    /// <exception cref="AudioException">It is cut short or damaged, holds a NaN or an infinity, or lacks the channel.</exception>
    public float[][] Read(ChannelSelection selection, CancellationToken cancellationToken = default)
    {
        if (selection.Channel is int wanted && wanted >= Channels)
            throw new AudioException(Path, $"found {Channels} channel{(Channels == 1 ? "" : "s")}, channel {wanted} was asked for; they are counted from 0");

        int outputs = selection.IsEach ? Channels : 1;
        float[][] samples = new float[outputs][];
        long capacity = Math.Clamp(Frames, 1, FirstCapacity);
        for (int i = 0; i < outputs; i++) samples[i] = new float[capacity];

        float[] block = new float[BlockFrames * Channels];
        int length = 0;
        for (int frames; (frames = ReadBlock(block)) > 0; length += frames)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<float> interleaved = block.AsSpan(0, frames * Channels);
            CheckFinite(interleaved, length);
            if ((long)length + frames > Array.MaxLength) throw new AudioException(Path, $"longer than {Array.MaxLength:N0} samples; cut it into parts");
            for (int i = 0; i < outputs; i++)
            {
                Grow(ref samples[i], length + frames);
                Span<float> target = samples[i].AsSpan(length, frames);
                if (selection.IsMean) Mean(interleaved, target);
                else Deinterleave(interleaved, selection.Channel ?? i, target);
            }
        }

        CheckDecodedAll(length);
        for (int i = 0; i < outputs; i++) Array.Resize(ref samples[i], length);
        return samples;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private int ReadBlock(float[] block)
    {
        fixed (float* to = block)
            return (int)SndFile.sf_readf_float(_file, to, BlockFrames);
    }

    private static void Grow(ref float[] samples, int length)
    {
        if (length > samples.Length)
            Array.Resize(ref samples, (int)Math.Min(Math.Max(2L * samples.Length, length), Array.MaxLength));
    }

    private void Mean(ReadOnlySpan<float> interleaved, Span<float> mean)
    {
        if (Channels == 1)
        {
            interleaved.CopyTo(mean);
            return;
        }
        for (int i = 0; i < mean.Length; i++)
        {
            double sum = 0;
            foreach (float value in interleaved.Slice(i * Channels, Channels)) sum += value;
            mean[i] = (float)(sum / Channels);
        }
    }

    private void Deinterleave(ReadOnlySpan<float> interleaved, int channel, Span<float> target)
    {
        for (int i = 0; i < target.Length; i++) target[i] = interleaved[i * Channels + channel];
    }

    // C# can say which of these it is; the library says "System error."
    private static void CheckReadable(string path)
    {
        if (Directory.Exists(path)) throw new AudioException(path, "a folder, expected an audio file");
        if (!File.Exists(path)) throw new AudioException(path, "no such file");
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length == 0) throw new AudioException(path, "empty (0 bytes), expected audio; fetch the file again");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new AudioException(path, $"can't be read: {e.Message}", e);
        }
    }

    // libsndfile shortens such a recording in silence, and the features would no longer fit their transcript.
    private static void CheckComplete(string path, SndFileHandle file, in SF_INFO info)
    {
        if (info.frames == SndFile.SF_COUNT_MAX)
            throw new AudioException(path, "cut short: the stream has no end mark. Fetch the file again, or decode what is there to WAV first");

        const int LogBytes = 1 << 14;
        byte* log = stackalloc byte[LogBytes];
        int length = SndFile.sf_command(file, SndFile.SFC_GET_LOG_INFO, log, LogBytes);
        string text = length > 0 ? Marshal.PtrToStringUTF8((nint)log, length) : "";
        Match shorter = ShorterThanPromised().Match(text);
        if (!shorter.Success) return;

        long promised = Number(shorter.Groups["promised"]), found = Number(shorter.Groups["found"]);
        if (promised > found && promised < EndlessBytes)
            throw new AudioException(path, $"cut short: found {found:N0} bytes of samples, expected the {promised:N0} that its header states; fetch the file again");

        static long Number(Group digits) => long.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>libsndfile's log of a WAV or AIFF file: "data : 160000 (should be 95982)".</summary>
    [GeneratedRegex(@"^\s*(data|SSND)\s*:\s*(?<promised>\d{1,18}) \(should be (?<found>\d{1,18})\)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ShorterThanPromised();

    private void CheckFinite(ReadOnlySpan<float> interleaved, int framesBefore)
    {
        for (int i = 0; i < interleaved.Length; i++)
        {
            if (float.IsFinite(interleaved[i])) continue;
            long frame = framesBefore + i / Channels;
            string channel = Channels == 1 ? "" : $" of channel {i % Channels}";
            string value = float.IsNaN(interleaved[i]) ? "NaN" : "infinite";
            throw new AudioException(Path, string.Create(CultureInfo.InvariantCulture,
                $"sample {frame}{channel} ({(double)frame / SampleRate:0.000} s) is {value}, expected finite samples; repair the recording"));
        }
    }

    private void CheckDecodedAll(int length)
    {
        if (SndFile.sf_error(_file) != 0)
            throw new AudioException(Path, $"damaged after {length:N0} samples: libsndfile says '{Marshal.PtrToStringUTF8((nint)SndFile.sf_strerror(_file))}'");
        if (length < Frames && !_lengthIsEstimate)
            throw new AudioException(Path, $"cut short: decoded {length:N0} samples, expected the {Frames:N0} that its header states; fetch the file again");
    }
}
