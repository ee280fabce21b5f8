"""Speech of any length out of a few recordings: 16 kHz, mono, 16 bit, as wave files."""
import wave
from pathlib import Path

import numpy as np

RATE = 16_000


def read_recording(path):
    with wave.open(str(path)) as recording:
        if (recording.getframerate(), recording.getnchannels(), recording.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path}: {recording.getframerate()} Hz, {recording.getnchannels()} channels, "
                             f"{8 * recording.getsampwidth()} bit; expected {RATE} Hz, mono, 16 bit")
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2")


def write_recording(path, samples):
    with wave.open(str(path), "wb") as recording:
        recording.setframerate(RATE)
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.writeframes(samples.astype("<i2").tobytes())


def find_speech(folder):
    """Every recording of at least a second below the folder, end to end; what is not 16 kHz, mono, 16 bit is passed over."""
    found = []
    for path in sorted(Path(folder).rglob("*.wav")):
        try:
            samples = read_recording(path)
        except (wave.Error, ValueError):
            continue
        if len(samples) >= RATE:
            found.append(samples)
    if not found:
        raise FileNotFoundError(f"{folder}: no wave file of a second or more at {RATE} Hz, mono, 16 bit")
    return np.concatenate(found)


def cut_utterances(speech, lengths, seed):
    """An utterance per length, each from its own place in the speech, over again from its start when it ends.

    A little noise, so that two utterances never hold the same samples.
    """
    random = np.random.default_rng(seed)
    return [np.roll(speech, -random.integers(len(speech)))[np.arange(n) % len(speech)].astype(np.float32) / 32768
            + random.normal(0, 1e-3, n).astype(np.float32) for n in lengths]


def normalized(utterances):
    """As Hugging Face's feature extractor does."""
    return [(x - x.mean()) / np.sqrt(x.var() + 1e-7) for x in utterances]
