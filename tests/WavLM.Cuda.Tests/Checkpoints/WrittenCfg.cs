namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>wavlm-large-unilm's settings and weights as different programs wrap them.</summary>
internal static class WrittenCfg
{
    private static readonly (string Key, object Value)[] Encoder =
    [
        ("extractor_mode", "layer_norm"), ("encoder_layers", 3), ("encoder_embed_dim", 128), ("encoder_ffn_embed_dim", 256), ("encoder_attention_heads", 2),
        ("layer_norm_first", true), ("conv_feature_layers", "[(32,10,5)] + [(32,3,2)] * 4 + [(32,2,2)] * 2"), ("relative_position_embedding", true),
        ("gru_rel_pos", true), ("max_distance", 800),
    ];

    private static readonly (string Key, object Value)[] Task = [("normalize", true)];

    public static void Write(string path, TestWeights weights, string wrapping)
    {
        var pickle = new PickleWriter();
        var records = new Dictionary<string, byte[]>();
        pickle.EmptyDict().Mark();
        switch (wrapping)
        {
            case "plain":
                Dict(pickle.Text("cfg"), [.. Encoder, .. Task]);
                break;
            case "omegaconf":
                // DictConfig({'model': DictConfig(...), 'task': DictConfig(...)}), each value an AnyNode with its _val.
                Node(pickle.Text("cfg"), "omegaconf.dictconfig", "DictConfig", "_content", () =>
                {
                    pickle.EmptyDict().Mark();
                    Node(pickle.Text("model"), "omegaconf.dictconfig", "DictConfig", "_content", () => Nodes(pickle, Encoder));
                    Node(pickle.Text("task"), "omegaconf.dictconfig", "DictConfig", "_content", () => Nodes(pickle, Task));
                    pickle.SetItems();
                });
                pickle.Text("extra_state").Global("numpy._core.multiarray", "scalar").Global("numpy", "dtype").Text("f8").Flag(false).Flag(true).Raw(0x87).Reduce().Raw(0x85).Reduce();
                break;
            case "namespace":
                pickle.Text("args").Global("argparse", "Namespace").EmptyTuple().NewObject();
                Dict(pickle, [.. Encoder, .. Task]);
                pickle.Build().Text("cfg").Raw((byte)'N');
                break;
            case "s3prl":
                Dict(pickle.Text("task_cfg"), Task);
                Dict(pickle.Text("model_cfg"), Encoder);
                break;
        }
        weights.AddStateDict(pickle.Text(wrapping == "s3prl" ? "model_weight" : "model"), weights.Tensors.Keys, records);
        TestWeights.WriteZip(path, "model", pickle.SetItems().Stop(), records);
    }

    private static void Node(PickleWriter pickle, string module, string name, string key, Action content)
    {
        pickle.Global(module, name).EmptyTuple().NewObject().EmptyDict().Text(key);
        content();
        pickle.SetItem().Build();
    }

    private static void Nodes(PickleWriter pickle, (string Key, object Value)[] settings)
    {
        pickle.EmptyDict().Mark();
        foreach ((string key, object value) in settings) Node(pickle.Text(key), "omegaconf.nodes", "AnyNode", "_val", () => Scalar(pickle, value));
        pickle.SetItems();
    }

    private static void Dict(PickleWriter pickle, (string Key, object Value)[] settings)
    {
        pickle.EmptyDict().Mark();
        foreach ((string key, object value) in settings) Scalar(pickle.Text(key), value);
        pickle.SetItems();
    }

    private static void Scalar(PickleWriter pickle, object value)
    {
        if (value is string text) pickle.Text(text);
        else if (value is bool flag) pickle.Flag(flag);
        else pickle.Integer((int)value);
    }
}
