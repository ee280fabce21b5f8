using System.Globalization;

namespace WavLM.Cuda.Audio;

/// <summary>Which channels of a recording become utterances: their mean, one of them, or each on its own.</summary>
public readonly record struct ChannelSelection
{
    private enum Kind { Mean, One, Each }

    private readonly Kind _kind;
    private readonly int _channel;

    private ChannelSelection(Kind kind, int channel = 0) => (_kind, _channel) = (kind, channel);

    /// <summary>The mean of all channels: the default.</summary>
    public static ChannelSelection Mean => default;

    /// <summary>Every channel is an utterance of its own, as in telephone speech with a speaker a channel.</summary>
    public static ChannelSelection Each => new(Kind.Each);

    /// <summary>One channel, counted from 0.</summary>
    /// <param name="channel">Its number.</param>
    public static ChannelSelection One(int channel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(channel);
        return new(Kind.One, channel);
    }

    /// <summary>Whether each channel is an utterance of its own.</summary>
    public bool IsEach => _kind == Kind.Each;

    /// <summary>Whether the channels are averaged.</summary>
    public bool IsMean => _kind == Kind.Mean;

    /// <summary>The channel chosen by its number, if one was.</summary>
    public int? Channel => _kind == Kind.One ? _channel : null;

    /// <summary>Reads "mean", "each" or a channel's number.</summary>
    /// <param name="text">As it stands on the command line.</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static ChannelSelection Parse(string text) => text switch
    {
        "mean" => Mean,
        "each" => Each,
        _ when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int channel) => One(channel),
        _ => throw new FormatException($"channel '{text}': expected mean, each or a channel's number, counted from 0"),
    };

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => _kind switch
    {
        Kind.Mean => "mean",
        Kind.Each => "each",
        _ => _channel.ToString(CultureInfo.InvariantCulture),
    };
}
