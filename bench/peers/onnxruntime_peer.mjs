// ONNX Runtime as a contestant: one JSON request a line on stdin, one reply a line on stdout (README.md has the protocol).
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import ort from 'onnxruntime-node';

let session;
const utterancesOf = new Map();   // path -> Float32Array per utterance

async function load({ model, threads, precision }) {
  if (precision !== 'fp32') throw new Error(`precision ${precision}: this peer computes in fp32 alone`);
  session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Lengths rarely repeat, and a plan of the memory for each of them would be made, and paged in, for nothing: half a batch's time.
    enableMemPattern: false,
    // Its threads look for work for some 30 ms after a run, then sleep. Without that it was 7 % slower.
    extra: { session: { intra_op: { allow_spinning: '1' } } },
  });
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');
  return { ok: true, name: `ONNX Runtime ${version}` };
}

async function run({ waveforms, lengths, layer, batches, output }) {
  const [inputName] = session.inputNames, [outputName] = session.outputNames;
  if (outputName !== `hidden_state_${layer}`) throw new Error(`layer ${layer}: the graph gives ${outputName}`);
  const utterances = readUtterances(waveforms, lengths);

  const features = [];
  const padded = batches ?? lengths.map((_, i) => [i]);
  const start = performance.now();
  for (const batch of padded) {
    const waveforms = pad(batch.map(i => utterances[i]));
    const { [outputName]: hiddenState } = await session.run({ [inputName]: waveforms });
    features.push(hiddenState);
  }
  const seconds = (performance.now() - start) / 1000;

  if (output) writeFeatures(output, features, padded.flat(), lengths);
  return { seconds };
}

function readUtterances(path, lengths) {
  const key = `${path} ${lengths}`;
  if (!utterancesOf.has(key)) {
    const { buffer, byteOffset } = readFileSync(path);
    let first = byteOffset;
    utterancesOf.set(key, lengths.map(length => {
      const utterance = new Float32Array(buffer.slice(first, first + 4 * length));
      first += 4 * length;
      return utterance;
    }));
  }
  return utterancesOf.get(key);
}

function pad(utterances) {
  const longest = Math.max(...utterances.map(utterance => utterance.length));
  const samples = new Float32Array(utterances.length * longest);
  utterances.forEach((utterance, row) => samples.set(utterance, row * longest));
  return new ort.Tensor('float32', samples, [utterances.length, longest]);
}

/** Utterances end to end in the order of the waveforms, without the frames that padding made. */
function writeFeatures(path, features, order, lengths) {
  const rows = features.flatMap(({ data, dims: [utterances, frames, width] }) =>
    Array.from({ length: utterances }, (_, i) => ({ row: data.subarray(i * frames * width, (i + 1) * frames * width), width })));
  const of = new Map(order.map((utterance, i) => [utterance, rows[i]]));
  writeFileSync(path, Buffer.concat(lengths.map((length, i) => {
    const { row, width } = of.get(i);
    return Buffer.from(row.buffer, row.byteOffset, 4 * width * frameCount(length));
  })));
}

/** Of WavLM's seven convolutions together: a frame every 320 samples, 400 samples wide. */
function frameCount(samples) {
  return Math.floor((samples - 400) / 320) + 1;
}

const operations = { load, run };
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  if (op === 'quit') break;
  let reply;
  try {
    reply = await operations[op](request);
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
process.exit();   // the session's threads would keep the process
