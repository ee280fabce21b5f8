namespace WavLM.Cuda;
internal static class A { internal static int B() => 1; }
