using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>A variant that the product launches, and for whom.</summary>
/// <param name="Variant">As the product describes it.</param>
/// <param name="Uses">Models and operand types.</param>
internal sealed record CheckedVariant(KernelVariant Variant, IReadOnlyList<VariantUse> Uses)
{
    /// <summary>Every variant of the models, once, in the order of the product's registry.</summary>
    public static IReadOnlyList<CheckedVariant> Of(IEnumerable<PublishedModel> models)
    {
        Dictionary<(string, string), (KernelVariant Variant, List<VariantUse> Uses)> variants = [];
        foreach (PublishedModel model in models)
        {
            foreach (ElementType operands in VariantUse.OperandTypes)
                foreach (KernelVariant variant in ModelKernels.Of(model.Config, operands)) Add(variant, new(model.Name, operands));
        }
        foreach (KernelVariant variant in ModelKernels.Reductions) Add(variant, new(Model: null, ElementType.Float32));
        return [.. variants.Values.Select(static entry => new CheckedVariant(entry.Variant, entry.Uses))];

        void Add(KernelVariant variant, VariantUse use)
        {
            if (!variants.TryGetValue((variant.File, variant.Name), out (KernelVariant Variant, List<VariantUse> Uses) entry))
                variants.Add((variant.File, variant.Name), entry = (variant, []));
            else if (entry.Variant.Threads != variant.Threads || entry.Variant.SharedBytes != variant.SharedBytes)
                throw new InvalidOperationException($"{variant.Name} is launched in two ways, with {entry.Variant.Threads} threads and {variant.Threads}, {entry.Variant.SharedBytes:N0} bytes of shared memory and {variant.SharedBytes:N0}");
            if (!entry.Uses.Contains(use)) entry.Uses.Add(use);
        }
    }
}

/// <summary>Who launches a variant.</summary>
/// <param name="Model">A published model; null where it is one for all.</param>
/// <param name="Operands">What the model's matrix operands are.</param>
internal readonly record struct VariantUse(string? Model, ElementType Operands)
{
    public static IReadOnlyList<ElementType> OperandTypes { get; } = [ElementType.Float32, ElementType.Float16, ElementType.BFloat16];

    public bool IsHalf => Operands is ElementType.Float16 or ElementType.BFloat16;
}
