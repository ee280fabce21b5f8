internal static class InitTmp { public static int Go(string size, string to) { WavLM.Cuda.Checkpoints.CheckpointInitializer.Write(WavLM.Cuda.Checkpoints.EncoderSizes.Find(size), 1, to); return 0; } }
