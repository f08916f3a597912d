"""A BentoML service with a batchable endpoint, as its tutorial has it."""

import bentoml

from benchmarks.rivals.served import Model


@bentoml.service(workers=1, traffic={"timeout": 60})
class Stance:
    """The model behind one endpoint."""

    def __init__(self) -> None:
        self._model = Model()

    @bentoml.api(batchable=True, max_batch_size=128, max_latency_ms=30_000)
    def classify(self, sentences: list[str]) -> list[dict[str, object]]:
        """Return each sentence's label and score; sentences of many requests come together."""
        return self._model.classify(sentences)
