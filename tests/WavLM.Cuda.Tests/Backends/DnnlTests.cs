using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Tests.Backends;

/// <summary>What the bindings assume of the oneDNN that is installed.</summary>
public sealed unsafe class DnnlTests
{
    [Fact]
    public void Descriptors_are_exactly_as_large_as_the_library_writes_them()
    {
        // The library assigns whole structures, so the last byte that it changes is the last one there is. It is called by its
        // address: an import's out parameter is cleared by the caller, and would make any size look right.
        nint library = NativeLibrary.Load("libdnnl.so.2");
        var initMemory = (delegate* unmanaged<void*, int, long*, DnnlType, DnnlFormatTag, DnnlStatus>)NativeLibrary.GetExport(library, "dnnl_memory_desc_init_by_tag");
        var initMatmul = (delegate* unmanaged<void*, void*, void*, void*, void*, DnnlStatus>)NativeLibrary.GetExport(library, "dnnl_matmul_desc_init");
        long* sizes = stackalloc long[Dnnl.MaxDimensions] { 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        byte* any = stackalloc byte[8192];

        Assert.Equal(sizeof(DnnlMemoryDescriptor), BytesWritten(address => Dnnl.ThrowIfFailed(initMemory(address, 2, sizes, DnnlType.Float32, DnnlFormatTag.Any))));
        Dnnl.ThrowIfFailed(initMemory(any, 2, sizes, DnnlType.Float32, DnnlFormatTag.Any));
        Assert.Equal(sizeof(DnnlMatmulDescriptor), BytesWritten(address => Dnnl.ThrowIfFailed(initMatmul(address, any, any, null, any))));
    }

    [SkippableTheory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void One_primitive_on_four_threads_gives_the_bits_it_gives_on_one(Precision precision)
    {
        CpuInstructions.Require(precision);
        const int Inner = 768, Columns = 3072, Tiles = 160;
        ElementType operands = precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        float[] alone = Products(workers: 1), together = Products(workers: 4);
        Assert.True(MemoryMarshal.AsBytes<float>(alone).SequenceEqual(MemoryMarshal.AsBytes<float>(together)));

        float[] Products(int workers)
        {
            Dnnl.ThrowIfFailed(Dnnl.dnnl_engine_create(out DnnlEngineHandle engine, DnnlEngineKind.Cpu, 0));
            using (engine)
            using (Workers threads = new(workers, engine))
            using (Matmul matmul = new(engine, new MatmulShape(64, Inner, Columns) { Operands = operands, Destination = ElementType.Float32, SourceStride = Inner, DestinationStride = Columns }, workers))
            {
                var random = new Random(3);
                float[] weights = [.. Enumerable.Range(0, Inner * Columns).Select(_ => random.NextSingle() - 0.5f)];
                nint packed = (nint)NativeMemory.AlignedAlloc((nuint)matmul.PackedBytes, 64);
                matmul.Pack(threads.First, weights, packed);
                nint source = (nint)NativeMemory.AlignedAlloc(64 * Inner * sizeof(float), 64), products = (nint)NativeMemory.AlignedAlloc((nuint)(Tiles * 64L * 16 * sizeof(float)), 64);
                for (int i = 0; i < 64 * Inner; i++)
                {
                    if (operands == ElementType.Float32) ((float*)source)[i] = random.NextSingle() - 0.5f;
                    else ((ushort*)source)[i] = VectorMath.ToBFloat16(random.NextSingle() - 0.5f);
                }
                threads.For(Tiles, (worker, tile) =>
                {
                    byte* y = worker.Scratch(64 * Columns * sizeof(float));
                    matmul.Run(worker, source, packed, 0, (nint)y);
                    for (int row = 0; row < 64; row++) Buffer.MemoryCopy(y + row * Columns * sizeof(float), (float*)products + (tile * 64 + row) * 16, 64, 64);
                });
                float[] kept = new ReadOnlySpan<float>((void*)products, Tiles * 64 * 16).ToArray();
                NativeMemory.AlignedFree((void*)packed);
                NativeMemory.AlignedFree((void*)source);
                NativeMemory.AlignedFree((void*)products);
                return kept;
            }
        }
    }

    private delegate void Fill(byte* address);

    private static int BytesWritten(Fill fill)
    {
        const int Room = 8192;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Room, 64);
        try
        {
            int last = 0;
            foreach (byte pattern in (ReadOnlySpan<byte>)[0xCD, 0x32])   // a byte may be written with either pattern's value
            {
                new Span<byte>(memory, Room).Fill(pattern);
                fill(memory);
                last = Math.Max(last, new Span<byte>(memory, Room).LastIndexOfAnyExcept(pattern) + 1);
            }
            return last;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
