using WavLM.Cuda.KernelsCheck;

namespace WavLM.Cuda.Tests.KernelsCheck;

public sealed class OccupancyTests
{
    /// <summary>As NVIDIA's occupancy calculator has them.</summary>
    [Theory]
    // Neither registers nor shared memory: the most warps, or the most blocks where these are small.
    [InlineData(80, 256, 32, 0, 8, 64)]
    [InlineData(86, 256, 32, 0, 6, 48)]
    [InlineData(89, 256, 32, 0, 6, 48)]
    [InlineData(90, 256, 32, 0, 8, 64)]
    [InlineData(80, 32, 32, 0, 32, 32)]
    [InlineData(86, 32, 32, 0, 16, 16)]
    [InlineData(89, 32, 32, 0, 24, 24)]
    [InlineData(90, 32, 32, 0, 32, 32)]
    [InlineData(86, 1024, 32, 0, 1, 32)]
    [InlineData(90, 33, 32, 0, 32, 64)]      // a warp of one thread is one
    // The steps of the registers, which come in units of 8 a thread and are divided among four parts.
    [InlineData(80, 128, 33, 0, 12, 48)]
    [InlineData(80, 128, 40, 0, 12, 48)]
    [InlineData(80, 128, 41, 0, 10, 40)]
    [InlineData(80, 128, 72, 0, 7, 28)]
    [InlineData(80, 128, 73, 0, 6, 24)]
    [InlineData(80, 128, 128, 0, 4, 16)]
    [InlineData(80, 128, 129, 0, 3, 12)]
    [InlineData(80, 128, 168, 0, 3, 12)]
    [InlineData(80, 128, 169, 0, 2, 8)]
    [InlineData(80, 128, 255, 0, 2, 8)]
    [InlineData(80, 96, 54, 0, 12, 36)]
    [InlineData(80, 96, 41, 0, 13, 39)]      // each part has registers for 10 warps and not for 10.7
    [InlineData(86, 1024, 64, 0, 1, 32)]
    [InlineData(86, 1024, 65, 0, 0, 0)]      // such a launch is refused: too many resources requested
    [InlineData(86, 1025, 16, 0, 0, 0)]
    // Shared memory, a kilobyte of each block the system's.
    [InlineData(80, 128, 32, 81 * 1024, 2, 8)]
    [InlineData(80, 128, 32, 81 * 1024 + 1, 1, 4)]
    [InlineData(80, 128, 32, 163 * 1024, 1, 4)]
    [InlineData(80, 128, 32, 163 * 1024 + 1, 0, 0)]
    [InlineData(86, 128, 32, 49 * 1024, 2, 8)]
    [InlineData(86, 128, 32, 49 * 1024 + 1, 1, 4)]
    [InlineData(86, 128, 32, 99 * 1024, 1, 4)]
    [InlineData(89, 128, 32, 99 * 1024, 1, 4)]
    [InlineData(89, 128, 32, 99 * 1024 + 1, 0, 0)]
    [InlineData(90, 128, 32, 113 * 1024, 2, 8)]
    [InlineData(90, 128, 32, 227 * 1024, 1, 4)]
    [InlineData(90, 128, 32, 227 * 1024 + 1, 0, 0)]
    [InlineData(90, 128, 32, 1, 16, 64)]
    public void Blocks_and_warps_of_a_multiprocessor(int architecture, int threads, int registers, int sharedBytes, int blocks, int warps)
        => Assert.Equal(new Occupancy(blocks, warps), Occupancy.Of(Architecture.All.Single(known => known.Number == architecture), threads, registers, sharedBytes));
}
