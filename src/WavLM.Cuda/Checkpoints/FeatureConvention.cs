using System.Globalization;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Whose features a run reproduces.</summary>
public enum Convention
{
    /// <summary>transformers up to 5.15: hidden_states.</summary>
    HuggingFace,

    /// <summary>s3prl's hub experts: run_downstream, SUPERB.</summary>
    S3prlHub,

    /// <summary>unilm's extract_features with an output layer.</summary>
    Unilm,

    /// <summary>torchaudio's extract_features.</summary>
    Torchaudio,
}

/// <summary>How a waveform becomes layer k: what differs between the implementations that people's features come from.</summary>
public sealed record FeatureConvention
{
    private const string PostNorm = "post-norm model";

    private static readonly (Convention Convention, string Name)[] Names =
        [(Convention.HuggingFace, "hf"), (Convention.S3prlHub, "s3prl-hub"), (Convention.Unilm, "unilm"), (Convention.Torchaudio, "torchaudio")];

    /// <summary>Whose features these are.</summary>
    public required Convention Convention { get; init; }

    /// <summary>Whether each utterance's waveform is brought to mean 0 and variance 1.</summary>
    public required bool Normalize { get; init; }

    /// <summary>What is added to the waveform's variance under the root.</summary>
    public required double Epsilon { get; init; }

    /// <summary>What decided <see cref="Normalize"/>, such as "preprocessor_config.json" or "--normalize".</summary>
    public required string NormalizeSource { get; init; }

    /// <summary>Whether layer N of a pre-norm model is what the final norm gives; otherwise what goes into it. A post-norm model has no such choice.</summary>
    public required bool FinalNorm { get; init; }

    /// <summary>What decided <see cref="FinalNorm"/>: "convention hf", "--final-norm", or "post-norm model" where there is no choice.</summary>
    public required string FinalNormSource { get; init; }

    /// <summary>The command line's names of the conventions.</summary>
    public static IReadOnlyList<string> CommandLineNames => [.. Names.Select(n => n.Name)];

    /// <summary>The convention for a checkpoint: what its files say, unless the caller says otherwise.</summary>
    /// <param name="convention">Whose features are wanted.</param>
    /// <param name="checkpoint">The model.</param>
    /// <param name="normalize">Overrides whether the waveform is normalised; null leaves it to the checkpoint.</param>
    /// <param name="finalNorm">Overrides what layer N of a pre-norm model is; null leaves it to the convention.</param>
    public static FeatureConvention Resolve(Convention convention, Checkpoint checkpoint, bool? normalize = null, bool? finalNorm = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        (bool decision, string source) = normalize is { } asked ? (asked, "--normalize") : Decide(convention, checkpoint);
        string name = CommandLineName(convention);
        return new FeatureConvention
        {
            Convention = convention,
            Normalize = decision,
            NormalizeSource = source,
            // transformers' feature extractor has 1e-7 in it, every other implementation calls PyTorch's layer_norm.
            Epsilon = convention == Convention.HuggingFace ? 1e-7 : 1e-5,
            FinalNorm = finalNorm ?? convention is Convention.HuggingFace or Convention.S3prlHub,
            FinalNormSource = !checkpoint.Config.PreNorm ? PostNorm : finalNorm is null ? $"convention {name}" : "--final-norm",
        };
    }

    /// <summary>The convention of a command line's name.</summary>
    /// <returns>False where no convention has this name.</returns>
    public static bool TryParse(string name, out Convention convention)
    {
        int at = Array.FindIndex(Names, n => n.Name == name);
        convention = at < 0 ? default : Names[at].Convention;
        return at >= 0;
    }

    /// <summary>A convention's name on the command line and in the manifest.</summary>
    public static string CommandLineName(Convention convention) => Names.First(n => n.Convention == convention).Name;

    /// <summary>One line for people: the convention, its decisions and where they come from.</summary>
    public string Describe()
    {
        string waveform = Normalize ? string.Create(CultureInfo.InvariantCulture, $"normalised, eps {Epsilon:0.#E+0}") : "as it is";
        string layer = FinalNormSource == PostNorm ? "" : $", last layer {(FinalNorm ? "after" : "before")} the final norm ({FinalNormSource})";
        return $"{CommandLineName(Convention)}: waveform {waveform} ({NormalizeSource}){layer}";
    }

    // cfg.normalize is what the authors trained with. Hugging Face's folders have no such key, and their preprocessor_config.json
    // says yes for some models that were trained without; so it counts for transformers' own features alone.
    private static (bool Decision, string Source) Decide(Convention convention, Checkpoint checkpoint)
    {
        if (checkpoint.ConfigNormalizes is { } trained) return (trained, "cfg.normalize");
        bool layerNorm = checkpoint.Config.FrontEndNorm == FrontEndNorm.Layer;
        if (convention != Convention.HuggingFace || checkpoint.Format != CheckpointFormat.HuggingFace) return (layerNorm, "feat_extract_norm");
        return checkpoint.PreprocessorNormalizes is { } preprocessor
            ? (preprocessor, "preprocessor_config.json")
            : (layerNorm, "feat_extract_norm (no preprocessor_config.json)");
    }
}
