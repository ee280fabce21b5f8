using WavLM.Cuda.Model;

namespace WavLM.Cuda;

/// <summary>What extraction needs of a speech encoder.</summary>
public interface IFeatureEncoder
{
    /// <summary>Sizes and flavour of the model.</summary>
    EncoderConfig Config { get; }

    /// <summary>Features of every utterance of one packed batch, in its order. It runs on the encoder's own thread; this call waits for it.</summary>
    /// <param name="batch">16 kHz waveforms, none shorter than the model's receptive field.</param>
    /// <param name="layers">The layers wanted.</param>
    /// <param name="cancellationToken">Looked at inside the pass.</param>
    /// <exception cref="DeviceMemoryException">The batch does not fit; a smaller one may.</exception>
    /// <exception cref="DeviceLostException">The device is gone for good.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing of the batch is returned.</exception>
    Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken);
}
