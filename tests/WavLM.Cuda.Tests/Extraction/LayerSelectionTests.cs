namespace WavLM.Cuda.Tests.Extraction;

public class LayerSelectionTests
{
    [Theory]
    [InlineData("last", 12)]
    [InlineData("6", 6)]
    [InlineData("0,6,9-12", 0, 6, 9, 10, 11, 12)]
    [InlineData("6,0,6,5-7", 0, 5, 6, 7)]
    [InlineData("all", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]
    public void Words_numbers_and_ranges_are_read(string text, params int[] layers)
        => Assert.Equal(layers, LayerSelection.Parse(text, new FakeEncoder().Config with { Layers = 12 }).Layers);

    [Theory]
    [InlineData("13", "layers '13': found 13, expected 0..12")]
    [InlineData("3-13", "found 13, expected 0..12")]
    [InlineData("0-999999999", "found 999999999, expected 0..12")]
    [InlineData("", "found ''")]
    [InlineData("first", "found 'first', expected last, all, a number or a range")]
    [InlineData("-1", "found '-1'")]
    [InlineData("4-2", "found '4-2'")]
    [InlineData("1,,2", "found ''")]
    [InlineData("1-2-3", "found '1-2-3'")]
    [InlineData(" 1", "found ' 1'")]
    public void Anything_else_is_refused(string text, string words)
        => Assert.Contains(words, Assert.Throws<FormatException>(() => LayerSelection.Parse(text, new FakeEncoder().Config with { Layers = 12 })).Message);
}
