"""A LitServe server that batches requests, as its guide advises."""

import argparse
from typing import Any

import litserve

from benchmarks.rivals.served import Model


class Stance(litserve.LitAPI):  # type: ignore[misc]
    """Requests of sentences, many at once through the model."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model."""
        self._model = Model()

    def decode_request(self, request: dict[str, Any]) -> list[str]:
        """Return a request's sentences."""
        return list(request["sentences"])

    def batch(self, inputs: list[list[str]]) -> list[list[str]]:
        """Leave the requests as they are: lists of different lengths are no tensor."""
        return inputs

    def predict(self, requests: list[list[str]]) -> list[list[dict[str, object]]]:
        """Return each request's answers, all computed together."""
        answers = iter(self._model.classify([text for each in requests for text in each]))
        return [[next(answers) for _ in each] for each in requests]

    def unbatch(self, output: list[list[dict[str, object]]]) -> list[list[dict[str, object]]]:
        """Leave the answers as they are."""
        return output

    def encode_response(self, output: list[dict[str, object]]) -> list[dict[str, object]]:
        """Return a request's answer as it is."""
        return output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    server = litserve.LitServer(
        Stance(max_batch_size=64, batch_timeout=0.005), accelerator="cpu", timeout=60
    )
    server.run(
        host="127.0.0.1",
        port=parser.parse_args().port,
        generate_client_file=False,
        log_level="warning",
    )
