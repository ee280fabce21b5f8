using WavLM.Cuda.KernelsCheck;

namespace WavLM.Cuda.Tests.KernelsCheck;

/// <summary>Lines of cuobjdump about kernels of ours; what is left out between them is more of the same.</summary>
public sealed class CubinDumpTests
{
    private const string Usage = """

        Resource usage:
         Common:
          GLOBAL:4
         Function layer_norm:
          REG:72 STACK:8 SHARED:0 LOCAL:0 CONSTANT[0]:444 TEXTURE:0 SURFACE:0 SAMPLER:0
         Function positional_conv:
          REG:96 STACK:0 SHARED:19456 LOCAL:0 CONSTANT[0]:576 TEXTURE:0 SURFACE:0 SAMPLER:0

        """;

    private const string LayerNorm = """
        	code for sm_86
        		Function : layer_norm
        	.headerflags    @"EF_CUDA_SM86 EF_CUDA_PTX_SM(EF_CUDA_SM86)"
                /*0000*/                   MOV R1, c[0x0][0x28] ;                                /* 0x00000a0000017a02 */
                                                                                                 /* 0x000fc40000000f00 */
                /*0090*/               @P0 EXIT ;                                                /* 0x000000000000094d */
                                                                                                 /* 0x000fea0003800000 */
                /*0210*/                   STL [R1], R4 ;                                        /* 0x0000000401007387 */
                                                                                                 /* 0x0001e20000100800 */
                /*0e40*/                   LDL.LU R56, [R1] ;                                    /* 0x0000000001387983 */
                                                                                                 /* 0x000ea20000300800 */
                /*15c0*/              @!P0 MUFU.RCP R13, R12 ;                                   /* 0x0000000c000d8308 */
                /*16a0*/                   MUFU.RCP R16, R5 ;                                    /* 0x0000000500107308 */
        		..........

        """;

    private const string PositionalConv = """

        		Function : positional_conv
        	.headerflags    @"EF_CUDA_SM90 EF_CUDA_PTX_SM(EF_CUDA_SM90)"
                /*0020*/                   HFMA2.MMA R39, -RZ, RZ, 0, 0 ;                                     /* 0x00000000ff277435 */
                /*0370*/                   LDGSTS.E.BYPASS.128 [R13], [R4.64] ;                               /* 0x00000000040d7fae */
                                                                                                              /* 0x0003e2000b901c4a */
                /*0380*/                   HMMA.16816.F32 R8, R8, R12, RZ ;                                   /* 0x0000000c0808723c */
                /*0390*/              @!P1 LDGSTS.E.BYPASS.128 [R9+0x600], [R10.64+0x600] ;                   /* 0x006006000a097fae */
                /*03a0*/                   HMMA.16816.F32.BF16 R8, R8, R12, RZ ;                              /* 0x0000000c0808723c */
                /*10390*/             @UP2 UIADD3 UR4, UP0, UR4, 0xc, URZ ;                                   /* 0x0000000c04047890 */
        		..........
        """;

    [Fact]
    public void Each_function_has_its_resources_and_its_instructions()
    {
        IReadOnlyDictionary<string, FunctionDump> functions = CubinDump.Parse(Usage + LayerNorm + PositionalConv);
        Assert.Equal(["layer_norm", "positional_conv"], functions.Keys.Order());
        FunctionDump norm = functions["layer_norm"], conv = functions["positional_conv"];
        Assert.Equal((72, 8, 0), (norm.Registers, norm.StackBytes, norm.SharedBytes));
        Assert.Equal((96, 0, 19456), (conv.Registers, conv.StackBytes, conv.SharedBytes));
        Assert.Equal((6, 1, 2), (norm.CountAll, norm.Count("STL"), norm.Count("MUFU")));
        Assert.Equal(["HFMA2.MMA", "HMMA.16816.F32", "HMMA.16816.F32.BF16", "LDGSTS.E.BYPASS.128", "UIADD3"], conv.Instructions.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((6, 2, 2, 0), (conv.CountAll, conv.Count("LDGSTS"), conv.CountOf16Bytes("LDGSTS"), conv.CountOf16Bytes("HMMA")));
        Assert.Equal((0, 1), (conv.Count("LDG"), conv.Count("HFMA2")));
        Assert.Equal((2, 0), (conv.Count("HMMA"), conv.Count("LDL")));
    }

    /// <summary>A program of another version, or one without its disassembler, must not pass for a kernel without spills.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(Usage)]
    [InlineData(LayerNorm + PositionalConv)]
    [InlineData(Usage + LayerNorm)]
    [InlineData(Usage + LayerNorm + "\n\t\tFunction : positional_conv\n")]
    public void A_dump_that_lacks_something_is_refused(string text) => Assert.Throws<FormatException>(() => CubinDump.Parse(text));
}
