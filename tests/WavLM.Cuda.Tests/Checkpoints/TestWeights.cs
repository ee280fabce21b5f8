using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>A fixture's weights in memory, to be written in the spellings that the repository has no room for.</summary>
internal sealed class TestWeights
{
    private const string Gain = "encoder.pos_conv_embed.conv.parametrizations.weight.original0";
    private const string Direction = "encoder.pos_conv_embed.conv.parametrizations.weight.original1";

    public SortedDictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = new(StringComparer.Ordinal);

    public JsonObject Config { get; private init; } = [];

    public static TestWeights Tiny() => Of("wavlm-tiny");

    public static TestWeights Of(string fixture)
    {
        string folder = Fixture.Named(fixture).ModelPath;
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        string config = Path.Combine(folder, "config.json");
        var weights = new TestWeights { Config = File.Exists(config) ? JsonNode.Parse(File.ReadAllText(config))!.AsObject() : [] };
        foreach (CheckpointTensor tensor in checkpoint.Tensors)
        {
            var values = new float[tensor.Count];
            checkpoint.Read(tensor.Name, values);
            weights.Tensors.Add(tensor.Name, ([.. tensor.Shape], values));
        }
        return weights;
    }

    public TestWeights With(Action<TestWeights> change)
    {
        change(this);
        return this;
    }

    public void Rename(Func<string, string> to)
    {
        var renamed = Tensors.Select(t => (to(t.Key), t.Value)).ToList();
        Tensors.Clear();
        foreach ((string name, var tensor) in renamed) Tensors.Add(name, tensor);
    }

    public void SpellOldWeightNorm() => Rename(n => n switch
    {
        Gain => "encoder.pos_conv_embed.conv.weight_g",
        Direction => "encoder.pos_conv_embed.conv.weight_v",
        _ => n,
    });

    public string WriteConfig(TemporaryFolder folder)
    {
        File.WriteAllText(folder.File("config.json"), Config.ToJsonString());
        return folder.Path;
    }

    /// <summary>config.json and one file of safetensors.</summary>
    public string WriteFolder(TemporaryFolder folder, StoredType type = StoredType.Float32)
    {
        WriteSafetensors(folder.File("model.safetensors"), Tensors.Keys, type);
        return WriteConfig(folder);
    }

    /// <summary>config.json, shards and the index that names them.</summary>
    public string WriteShards(TemporaryFolder folder, int shards, string stem = "model", string extension = "safetensors")
    {
        var map = new JsonObject();
        for (int i = 0; i < shards; i++)
        {
            string file = $"{stem}-{i + 1:00000}-of-{shards:00000}.{extension}";
            List<string> names = [.. Tensors.Keys.Where((_, k) => k % shards == i)];
            if (extension == "safetensors") WriteSafetensors(folder.File(file), names, StoredType.Float32);
            else WriteTorch(folder.File(file), names);
            foreach (string name in names) map.Add(name, file);
        }
        File.WriteAllText(folder.File($"{stem}.{extension}.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
        return WriteConfig(folder);
    }

    public void WriteSafetensors(string path, IEnumerable<string> names, StoredType type)
        => SafetensorsWriter.Write(path, [.. names.Select(n => new CheckpointTensor(n, type, [.. Tensors[n].Shape]))],
            (name, first, run) => Tensors[name].Values.AsSpan((int)first, run.Length).CopyTo(run));

    /// <summary>A bare state dict as torch.save writes it.</summary>
    public void WriteTorch(string path, IEnumerable<string> names, string top = "archive")
    {
        var pickle = new PickleWriter();
        var records = new Dictionary<string, byte[]>();
        AddStateDict(pickle, names, records);
        WriteZip(path, top, pickle.Stop(), records);
    }

    /// <summary>Appends a state dict to a pickle, and its storages to the records.</summary>
    public void AddStateDict(PickleWriter pickle, IEnumerable<string> names, Dictionary<string, byte[]> records)
    {
        pickle.Global("collections", "OrderedDict").EmptyTuple().Reduce().Mark();
        foreach (string name in names)
        {
            (long[] shape, float[] values) = Tensors[name];
            string key = records.Count.ToString(System.Globalization.CultureInfo.InvariantCulture);
            records.Add($"data/{key}", MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
            pickle.Text(name).Tensor("FloatStorage", key, values.Length, 0, shape, Strides(shape));
        }
        pickle.SetItems();
        // The module versions that torch keeps as an attribute of the dict.
        pickle.EmptyDict().Text("_metadata").EmptyDict().SetItem().Build();
    }

    public static void WriteZip(string path, string top, byte[] pickle, Dictionary<string, byte[]> records, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        Add("data.pkl", pickle);
        foreach ((string name, byte[] bytes) in records) Add(name, bytes);

        void Add(string name, byte[] bytes)
        {
            using Stream stream = zip.CreateEntry($"{top}/{name}", level).Open();
            stream.Write(bytes);
        }
    }

    public static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        long step = 1;
        for (int d = shape.Length - 1; d >= 0; step *= shape[d--]) strides[d] = step;
        return strides;
    }

    /// <summary>Asserts that a checkpoint holds exactly these values under canonical names.</summary>
    public static void AssertSame(TestWeights expected, Checkpoint actual, Func<float, float>? rounding = null)
    {
        Assert.Equal(expected.Tensors.Keys, actual.Tensors.Select(t => t.Name));
        foreach ((string name, (long[] shape, float[] values)) in expected.Tensors)
        {
            CheckpointTensor tensor = actual.Tensors.Single(t => t.Name == name);
            Assert.Equal(shape, tensor.Shape);
            var read = new float[tensor.Count];
            actual.Read(name, read);
            Assert.Equal(rounding is null ? values : [.. values.Select(rounding)], read);
        }
    }
}
