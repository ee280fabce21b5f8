namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>`wavlm doctor`, of the command that lies beside this program, or of the repository that it was built in.</summary>
internal static class DoctorStage
{
    public static StagePlan Plan(Options options)
    {
        for (string? folder = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            foreach (string command in (ReadOnlySpan<string>)[Path.Combine(folder, "wavlm"), Path.Combine(folder, "bin", "wavlm")])
                if (File.Exists(command)) return new([command, "doctor"]);
        }
        return new(null, $"no wavlm beside {AppContext.BaseDirectory}, and no bin/wavlm above it");
    }
}
