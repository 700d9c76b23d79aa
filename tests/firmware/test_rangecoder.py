from gateway.rangecoder import Decoder, Encoder, Probabilities
from support import Noise

PRIORS = bytes((128, 3, 253, 200))


def _drive(coder, seed):
    """Code what `seed` says; return what the coder says that was."""
    noise = Noise(seed)
    bits = Probabilities(PRIORS)
    heard = []
    for _ in range(noise.below(300)):
        if noise.below(3):
            place = noise.below(4)
            heard.append(coder.bit(bits, place, int(noise.below(1000) < (1, 500, 990, 999)[place])))
        else:
            width = 1 + noise.below(46)
            value = (noise.below(1 << 23) << 23 | noise.below(1 << 23)) >> 46 - width
            heard.append(coder.raw(value, width))
    return heard


def test_rangecoder_gives_back_what_it_was_given():
    for seed in range(60):
        encoder = Encoder()
        wanted = _drive(encoder, seed)
        data = encoder.finish()
        assert _drive(Decoder(data, 0, len(data)), seed) == wanted, seed
        assert not data or data[-1] != 0


def test_rangecoder_codes_what_it_expects_in_next_to_nothing():
    encoder = Encoder()
    bits = Probabilities(bytes((253,)))
    for _ in range(5000):
        encoder.bit(bits, 0, 0)
    assert len(encoder.finish()) <= 3


def test_rangecoder_survives_any_bytes():
    for seed in range(60):
        noise = Noise(seed)
        data = bytes([noise.below(256) for _ in range(20)])
        for heard in _drive(Decoder(data, 0, len(data)), seed):
            assert heard >= 0
