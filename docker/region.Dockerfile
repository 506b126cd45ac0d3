# The simulated AWS region of compose.yaml, packed by `cargo xtask image`, which compiles it.

FROM scratch
COPY region /
USER 65532:65532
ENTRYPOINT ["/region"]
