namespace WavLM.Cuda.GpuCheck;

/// <summary>What gpu-check was asked for.</summary>
/// <param name="Report">The file that the report goes to, beside the standard output.</param>
/// <param name="Quick">A run of a minute: each kind of question once, on small shapes. The emulated device gets no other.</param>
/// <param name="Only">The stages to run; null for all of them.</param>
/// <param name="Stage">The one stage that this process is; null where it runs them.</param>
internal sealed record Options(string Report, bool Quick, string[]? Only, string? Stage)
{
    private const string Usage = "usage: gpu-check [--report FILE] [--quick] [--only STAGE,...]";

    public static Options Parse(string[] arguments)
    {
        Options options = new("gpu-check.txt", Quick: false, Only: null, Stage: null);
        for (int i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--quick" => options with { Quick = true },
                "--report" => options with { Report = ValueOf(arguments, ref i) },
                "--only" => options with { Only = ValueOf(arguments, ref i).Split(',') },
                "--stage" => options with { Stage = ValueOf(arguments, ref i) },
                _ => throw new UsageException(Usage),
            };
        }
        return options;
    }

    private static string ValueOf(string[] arguments, ref int i) => ++i < arguments.Length ? arguments[i] : throw new UsageException(Usage);
}

/// <summary>The command line says nothing that gpu-check understands.</summary>
internal sealed class UsageException(string message) : Exception(message);
