"""Frames as they must always be: (seed of test_frame.random_frame, hex)."""

GOLDEN = (
    (
        0,
        "b2d7a80583754b7218096b3db22464fe6c8f4a4cee8f8f57693c9e187a44277e701b2bd80e4576f8"
        "f5e6fdeea6fb392d1fb14f39d8f1e83eda6297ab26a610edbdec278caf3d346759b8e0ef8e215ddf"
        "e78d36a0f772fe3a",
    ),
    (
        1,
        "b2b1740583754b7215b3871f6ff4b90aae7131d7ada49ecf90d3d5bb8eb3b7cd1fec04d3123643a3"
        "1da43d97baef",
    ),
    (
        2,
        "bf59dded230d0009286b747ddb6ff4184872f6abe07c417874dea3afc3f3eaa70f4ecd0c2f7eea68"
        "3101200003575fffffffe8fc36f5bffd5174a1155800c0b2159b1a32d1cb",
    ),
    (
        3,
        "b6debbe570f482430e7e364eeebed36fc69ebc8abf6406f9d7e615c3368582db91b2b55907ab9a4e"
        "c075ae9cc735fbc49a6b25d17292404d296892658df770806f5f81dde199bc82540d964d9d528800"
        "06220e4fdfffff907dc37ff9906039eca91cc77018a6690c10542730a063224c6848c71a",
    ),
    (
        5,
        "bd90b3e558870d9e9c58162ec1df94a95c428215cc05d385e75e8fa7ee14e2ab9c55e3843eb0f675"
        "fe07ac4aadcf88895f8b",
    ),
    (8, "b6887bef1a024c466165ae4f256ff4184872baa3b71b37b008d0cc96a300"),
    (13, "b71f29e52df41024852980c2e2bed36fc393192264faeaed6bd33ff84740c7ca1c54"),
    (
        21,
        "b6a3fcd5b50f9310b1ac5f0dfafb4dbf1974161ea2e7e51aab65c528019de78ac967c81485de3584"
        "04cdeff479a98050c49c8d",
    ),
    (34, "b212070583754b72144427b5b4fb2890f1fdd34c642080aa4de1fdffe8f6cb6c13b535a2"),
)
