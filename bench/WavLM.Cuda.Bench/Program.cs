using WavLM.Cuda.Bench;

return args switch
{
    ["serve"] => Serve.Run(Console.In, Console.Out),
    ["stages", string model, string precision, string threads, string seconds] => Stages.Run(model, precision, threads, seconds),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        WavLM.Cuda.Bench serve                                    answers the comparison of bench/peers on standard input and output
        WavLM.Cuda.Bench stages MODEL fp32|bf16 THREADS SECONDS   times a pass over noise of one length
        """);
    return 2;
}
