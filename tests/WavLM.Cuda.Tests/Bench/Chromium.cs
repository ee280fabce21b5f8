using System.Diagnostics;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>A browser without a window, started anew for each page, in an empty profile.</summary>
internal sealed class Chromium(TemporaryFolder folder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static readonly string[] Flags =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr",
    ];

    private int _runs;

    /// <summary>The document as it is once loaded, and what the console said.</summary>
    public (string Document, string Console) Load(string page, int width, int height) => Run(page, width, height, "--dump-dom");

    public Png Screenshot(string page, int width, int height)
    {
        string picture = folder.File($"page-{_runs}.png");
        (_, string console) = Run(page, width, height, $"--screenshot={picture}");
        Assert.True(File.Exists(picture), $"no picture: {console}");
        return Png.Read(picture);
    }

    private (string Output, string Console) Run(string page, int width, int height, string request)
    {
        ProcessStartInfo start = new(Program(), [.. Flags, $"--window-size={width},{height}", $"--user-data-dir={folder.File($"profile-{_runs++}")}", request, new Uri(page).AbsoluteUri])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"the browser is not done after {Patience}: {error.Result}");
        }
        Assert.True(process.ExitCode == 0, $"exit code {process.ExitCode}: {error.Result}");
        // Its own complaints about a machine without D-Bus or graphics are no page's fault.
        return (output.Result, string.Join('\n', error.Result.Split('\n').Where(line => line.Contains("CONSOLE", StringComparison.Ordinal))));
    }

    private static string Program()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        string? program = ((string[])["chromium-headless-shell", "chromium"]).SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Needed.Present(program is not null, "no chromium-headless-shell or chromium on PATH: ./setup.sh browser");
        return program!;
    }
}
