using System.Globalization;

namespace WavLM.Cuda.Mutants;

/// <summary>What the product's copy gets to switch its mutations with; <see cref="Switches"/> is the hold on it.</summary>
internal static class SwitchClass
{
    public static string Text(int switches) => string.Create(CultureInfo.InvariantCulture, $$"""
        using WavLM.Cuda.Backends.Cuda.Runtime;

        namespace WavLM.Cuda;

        internal static class Mutant
        {
            public static int Chosen = -1;

            public static readonly bool[] Reached = new bool[{{switches}}];

            public static bool Is(int number)
            {
                Reached[number] = true;
                return number == Chosen;
            }

            public static int OneLess(int number, int value) => Is(number) ? value - 1 : value;

            public static long OneLess(int number, long value) => Is(number) ? value - 1 : value;

            public static nint OneLess(int number, nint value) => Is(number) ? value - 1 : value;

            public static int Nothing(int number, int value) => Is(number) ? 0 : value;

            public static long Nothing(int number, long value) => Is(number) ? 0 : value;

            public static Grid FewerInX(int number, Grid grid) => Is(number) && grid.X > 1 ? grid with { X = grid.X - 1 } : grid;

            public static Grid FewerInY(int number, Grid grid) => Is(number) && grid.Y > 1 ? grid with { Y = grid.Y - 1 } : grid;
        }

        """);
}
