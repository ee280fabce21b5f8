using System.Globalization;

namespace WavLM.Cuda.Bench.Report;

/// <summary>Numbers as a reader wants them: three significant digits and a unit that fits.</summary>
internal static class Units
{
    private static readonly string[] Thousands = ["", "k", "M", "G", "T", "P", "E"];

    /// <summary>"41.2 µs", "1.23 ms", "24.2 s".</summary>
    public static string Time(double seconds) => seconds switch
    {
        _ when RoundsBelow(seconds * 1e6, 1e3) => $"{Digits(seconds * 1e6)} µs",
        _ when RoundsBelow(seconds * 1e3, 1e3) => $"{Digits(seconds * 1e3)} ms",
        _ => $"{Digits(seconds)} s",
    };

    /// <summary>"790 TFLOP/s", "3.02 TB/s": a number, a power of a thousand, a unit.</summary>
    public static string Scaled(double value, string unit)
    {
        int power = 0;
        while (power + 1 < Thousands.Length && !RoundsBelow(value, 1000)) (value, power) = (value / 1000, power + 1);
        return $"{Digits(value)} {Thousands[power]}{unit}";
    }

    /// <summary>A rate of a ceiling's unit.</summary>
    public static string Rate(double perSecond, string unit) => Scaled(perSecond, unit switch { "byte" => "B/s", "flop" => "FLOP/s", _ => $"{unit}/s" });

    /// <summary>Bytes in memory: "9.1 GiB" is for those who count in 1024, this says GB.</summary>
    public static string Bytes(double bytes) => Scaled(bytes, "B");

    /// <summary>Three significant digits, thousands in groups.</summary>
    public static string Digits(double value)
    {
        double size = Math.Abs(value);
        string format = size >= 99.95 || size == 0 ? "#,0" : size >= 9.995 ? "0.0" : size >= 0.9995 ? "0.00" : size >= 0.001 ? "0.000" : "0.0e+0";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>A round number as it is: "0.01", "5", "1,000".</summary>
    public static string Plain(double value) => value.ToString("#,0.######", CultureInfo.InvariantCulture);

    /// <summary>"1.150".</summary>
    public static string Ratio(double ratio) => ratio.ToString(ratio < 100 ? "0.000" : "#,0", CultureInfo.InvariantCulture);

    /// <summary>"51 %", below ten "5.1 %".</summary>
    public static string Percent(double part) => $"{(part * 100).ToString(Math.Abs(part) < 0.0995 ? "0.0" : "0", CultureInfo.InvariantCulture)} %";

    /// <summary>By how much a ratio of times differs from 1: "8.1 % slower".</summary>
    public static string SlowerOrFaster(double ratio) => ratio >= 1 ? $"{Percent(ratio - 1)} slower" : $"{Percent(1 - ratio)} faster";

    private static bool RoundsBelow(double value, double limit) => Math.Abs(value) < limit - 0.5;
}
