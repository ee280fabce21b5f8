using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Compiles kernels for one device: out of the cache where it holds them, with NVRTC where not, several at once on threads of its
/// own. What comes out is a cubin; PTX only for a device that this NVRTC does not know, of the newest architecture it does.
/// </summary>
internal sealed class KernelCompiler : IDisposable
{
    private readonly KernelSources _sources;
    private readonly KernelCache _cache;
    private readonly NvrtcTarget _target;
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread[] _threads;
    private int _compiled, _cached;

    /// <param name="sources">What is compiled.</param>
    /// <param name="cache">Where the results are kept.</param>
    /// <param name="architecture">The device's: 80 for sm_80.</param>
    /// <param name="threads">Kernels compiled at once.</param>
    public KernelCompiler(KernelSources sources, KernelCache cache, int architecture, int threads)
    {
        _sources = sources;
        _cache = cache;
        _target = NvrtcTarget.For(architecture);
        Compiler = NvrtcIdentity.OfLoaded();
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Serve) { IsBackground = true, Name = "WavLM kernel compiler" };
            _threads[i].Start();
        }
    }

    /// <summary>The NVRTC that compiles.</summary>
    public NvrtcIdentity Compiler { get; }

    /// <summary>Kernels that were compiled, and those that the cache had.</summary>
    public (int Compiled, int Cached) Counts => (_compiled, _cached);

    /// <summary>Begins compiling a source.</summary>
    /// <param name="file">Below kernels/.</param>
    /// <param name="defines">NAME or NAME=VALUE.</param>
    /// <param name="log">Gets what NVRTC says of a source that it takes, warnings for one; not called where the cache has the result.</param>
    public Task<byte[]> Compile(string file, string[] defines, Action<string>? log = null)
    {
        // Whoever waits goes on on its own thread, not on the compiler's.
        TaskCompletionSource<byte[]> image = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                image.SetResult(CompileNow(file, defines, log));
            }
#pragma warning disable CA1031 // rethrown where the image is waited for
            catch (Exception e)
#pragma warning restore CA1031
            {
                image.SetException(e);
            }
        });
        return image.Task;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        foreach (Thread thread in _threads) thread.Join();
        _work.Dispose();
    }

    private byte[] CompileNow(string file, string[] defines, Action<string>? log)
    {
        KernelSource source = _sources[file];
        string[] options = [_target.Option, "--std=c++17", .. defines.Select(static define => $"-D{define}")];
        byte[] key = KeyOf(source, options);
        if (_cache.Read(key) is { } cached)
        {
            Interlocked.Increment(ref _cached);
            return cached;
        }
        byte[] image = NvrtcProgram.Compile(source, options, _target.Cubin, out string said);
        log?.Invoke(said);
        Interlocked.Increment(ref _compiled);
        _cache.Write(key, image);
        return image;
    }

    /// <summary>A hash of all that an image follows from.</summary>
    private byte[] KeyOf(KernelSource source, string[] options)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(Compiler.ToString());
        Append(source.File);
        Append(source.Text);
        foreach (KernelHeader header in source.Headers)
        {
            Append(header.Name);
            Append(header.Text);
        }
        Append("options");   // no header has this name, so a header's text can't pass for an option
        foreach (string option in options) Append(option);
        return hash.GetHashAndReset();

        void Append(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
            hash.AppendData(bytes);
        }
    }

    private void Serve()
    {
        foreach (Action work in _work.GetConsumingEnumerable())
        {
            if (!_work.IsAddingCompleted) work();   // of a compiler that is let go nobody waits for the rest
        }
    }
}
