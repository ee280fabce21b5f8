using System.Collections.Concurrent;

namespace WavLM.Cuda.Extraction;

/// <summary>
/// Features of many files: one thread decodes the next window while another hands batches to the encoder and a third writes.
/// Between them stand bounded queues, so memory does not depend on the number of files.
/// </summary>
/// <param name="encoder">The model.</param>
/// <param name="plan">What to do.</param>
/// <param name="folder">Where to.</param>
/// <param name="settings">What the manifest says of how the features were made.</param>
/// <param name="batchSeconds">Audio in a batch.</param>
/// <param name="observer">Is told how it goes on.</param>
public sealed class ExtractionRun(
    IFeatureEncoder encoder, ExtractionPlan plan, OutputFolder folder, FeatureSettings settings, double batchSeconds, IExtractionObserver observer)
{
    private const double OnCpu = 120, OnCuda = 1200;

    /// <summary>
    /// Audio in a batch where nothing else is asked for: on the CPU enough rows for every core, and a few hundred megabytes; on a GPU enough
    /// tiles for every multiprocessor many times over, and for Large a gigabyte or two.
    /// </summary>
    /// <param name="device">Where it is computed, no longer <see cref="Device.Auto"/>.</param>
    public static double UsualBatchSeconds(Device device) => device.IsCuda ? OnCuda : OnCpu;

    private string? _lostDevice;

    /// <summary>Runs to the end, or until it is asked to stop. The manifest is valid at every moment.</summary>
    /// <param name="stop">No new batch begins after this; what is finished is written.</param>
    public async Task<ExtractionResult> RunAsync(CancellationToken stop)
    {
        WarnOfAveraging();
        FeatureWriter writer = new(folder, settings, plan.Rows, observer);
        using BlockingCollection<Window> decoded = new(boundedCapacity: 1);
        using BlockingCollection<IReadOnlyList<Outcome>> finished = new(boundedCapacity: 1);   // a batch is written while the next one runs
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using CancellationTokenSource nobodyWrites = new();

        // Native code decodes, and the encoder's call blocks: threads of their own, none of the pool's.
        await Task.WhenAll(
            Stage(() => Decode(decoded, ending.Token), decoded.CompleteAdding, ending),
            Stage(() => Encode(decoded, finished, ending, nobodyWrites.Token), finished.CompleteAdding, ending),
            Stage(() => Write(finished, writer), nobodyWrites.Cancel, ending));

        ExtractionEnd end = _lostDevice is not null ? ExtractionEnd.DeviceLost
            : writer.Done + writer.Failed < plan.Rows && stop.IsCancellationRequested ? ExtractionEnd.Stopped
            : ExtractionEnd.Complete;
        return new(end, writer.Done, writer.Failed, _lostDevice);
    }

    // However a stage ends, the next one learns that nothing more comes; if it fails, the others end too.
    private static Task Stage(Action body, Action complete, CancellationTokenSource ending) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                body();
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                // Asked to stop, or another stage failed and tells why.
            }
            catch
            {
                ending.Cancel();
                throw;
            }
            finally
            {
                complete();
            }
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Decode(BlockingCollection<Window> decoded, CancellationToken ending)
    {
        foreach (Window window in new UtteranceDecoder(plan, encoder.Config, batchSeconds).Windows(ending)) decoded.Add(window, ending);
    }

    private void Encode(BlockingCollection<Window> decoded, BlockingCollection<IReadOnlyList<Outcome>> finished, CancellationTokenSource ending, CancellationToken nobodyWrites)
    {
        BatchPlanner planner = new(encoder.Config, batchSeconds);
        try
        {
            foreach (Window window in decoded.GetConsumingEnumerable(ending.Token))
            {
                finished.Add(window.Failures, nobodyWrites);
                foreach (List<Utterance> batch in planner.Plan(window.Utterances, utterance => utterance.Waveform.Samples.Length))
                {
                    ending.Token.ThrowIfCancellationRequested();
                    // A finished batch is written even if the run was asked to stop meanwhile.
                    finished.Add(EncodeBatch(batch, ending.Token), nobodyWrites);
                }
            }
        }
        catch (DeviceLostException e)
        {
            _lostDevice = e.Message;
            ending.Cancel();
        }
    }

    // What is too much for the device together may fit in two halves. Bits do not depend on the batch, so nobody can tell.
    private List<Outcome> EncodeBatch(List<Utterance> batch, CancellationToken ending)
    {
        try
        {
            Features[] features = encoder.Encode([.. batch.Select(utterance => utterance.Waveform)], plan.Layers, ending);
            return [.. batch.Zip(features, Outcome.Of)];
        }
        catch (DeviceMemoryException) when (batch.Count > 1)
        {
            int half = batch.Count / 2;
            return [.. EncodeBatch(batch[..half], ending), .. EncodeBatch(batch[half..], ending)];
        }
        catch (DeviceMemoryException e)
        {
            return [Outcome.Failed(batch[0], $"too long for the device's memory, alone in its batch: {e.Message}; cut the recording into parts")];
        }
        catch (Exception e) when (e is not (OperationCanceledException or DeviceLostException) && batch.Count > 1)
        {
            // Hours of work may be behind it, and before it: find the one at fault, the others' features are the same alone.
            return [.. batch.SelectMany(utterance => EncodeBatch([utterance], ending))];
        }
        catch (Exception e) when (e is not (OperationCanceledException or DeviceLostException))
        {
            return [Outcome.Failed(batch[0], $"the encoder failed: {e.Message}")];
        }
    }

    private static void Write(BlockingCollection<IReadOnlyList<Outcome>> finished, FeatureWriter writer)
    {
        try
        {
            while (!finished.IsCompleted)
            {
                int wait = (int)Math.Min(writer.UntilDue?.TotalMilliseconds ?? Timeout.Infinite, int.MaxValue);
                finished.TryTake(out IReadOnlyList<Outcome>? outcomes, wait);
                foreach (Outcome outcome in outcomes ?? [])
                {
                    writer.Write(outcome);
                    if (writer.UntilDue <= TimeSpan.Zero) writer.WriteManifest();
                }
                if (writer.UntilDue <= TimeSpan.Zero) writer.WriteManifest();
            }
        }
        finally
        {
            writer.Complete();
        }
    }

    private void WarnOfAveraging()
    {
        int averaged = plan.Channel.IsMean ? plan.Files.Count(file => file.Channels > 1) : 0;
        if (averaged > 0)
            observer.Warned($"{averaged} of {plan.Files.Count} files have more than one channel, which are averaged; --channel each or a channel's number keeps them apart");
    }
}
