"""tritonclient.grpc: raw tensors over gRPC, and its one long-lived stream."""

import asyncio
import queue

import numpy
import tritonclient.grpc
import tritonclient.grpc.aio
from google.protobuf.json_format import MessageToDict
from tritonclient.utils import InferenceServerException

from cases import ADDRESS, Case, example, label_list, run
from triton_cases import TritonCases

# Long enough for a machine that is busy; without it a lost answer would hang.
PATIENCE_S = 60


class TritonGrpc(TritonCases, Case):
    triton = tritonclient.grpc
    invalid = "StatusCode.INVALID_ARGUMENT"
    missing = "StatusCode.NOT_FOUND"
    failed = "StatusCode.INTERNAL"
    unknown = "StatusCode.UNIMPLEMENTED"
    late = "StatusCode.DEADLINE_EXCEEDED"

    def setUp(self):
        self.client = tritonclient.grpc.InferenceServerClient(ADDRESS)
        self.addCleanup(self.client.close)

    @staticmethod
    def as_dict(answer):
        return MessageToDict(answer, preserving_proto_field_name=True)

    def index_rows(self):
        return self.as_dict(self.client.get_model_repository_index())["models"]

    def test_answers_are_raw(self):
        result = self.client.infer("add", self.rows([1, 2, 3, 4]))
        response = result.get_response()
        self.assertEqual([len(raw) for raw in response.raw_output_contents], [16])
        self.assertFalse(response.outputs[0].HasField("contents"))

    def test_compressed_requests(self):
        model, name, array, label = example("digits-batch")
        for algorithm in ("gzip", "deflate"):
            with self.subTest(algorithm):
                inputs = [self.tensor(name, "FP32", array)]
                result = self.client.infer(model, inputs, compression_algorithm=algorithm)
                self.assertEqual(label_list(result.as_numpy("label")), label)

    def test_the_deadline_of_the_call(self):
        inputs = [
            self.tensor("x", "FP32", numpy.zeros([1, 4], dtype=numpy.float32)),
            self.tensor("n", "INT64", numpy.array([300], dtype=numpy.int64)),
        ]
        self.refused(self.late, ".", self.client.infer, "slow", inputs, client_timeout=0.05)

    def test_many_at_once(self):
        answers = queue.Queue()
        for number in range(16):
            self.client.async_infer(
                "add", self.rows([number] * 4), lambda result, error: answers.put((result, error))
            )
        sums = []
        for _ in range(16):
            result, error = answers.get(timeout=PATIENCE_S)
            self.assertIsNone(error)
            sums.append(int(result.as_numpy("y")[0, 0]))
        self.assertEqual(sorted(sums), [number + 2 for number in range(16)])

    def test_a_stream(self):
        answers = queue.Queue()
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        for number in range(8):
            self.client.async_stream_infer("add", self.rows([number] * 4), request_id=str(number))
        for number in range(8):
            result, error = answers.get(timeout=PATIENCE_S)
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(number))
            self.assertEqual(result.as_numpy("y").tolist(), [[number + 2] * 4])
        self.client.stop_stream()

    def test_a_stream_goes_on_after_a_request_that_fails(self):
        answers = queue.Queue()
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        self.client.async_stream_infer("nobody", self.rows([0, 0, 0, 0]))
        result, error = answers.get(timeout=PATIENCE_S)
        self.assertIsNone(result)
        self.assertIsInstance(error, InferenceServerException)
        self.assertIn("nobody", error.message())
        self.client.async_stream_infer("add", self.rows([0, 0, 0, 0]))
        result, error = answers.get(timeout=PATIENCE_S)
        self.assertIsNone(error)
        self.assertEqual(result.as_numpy("y").tolist(), [[2, 2, 2, 2]])
        self.client.stop_stream()

    def test_asyncio(self):
        async def infer():
            model, name, array, label = example("iris")
            async with tritonclient.grpc.aio.InferenceServerClient(ADDRESS) as client:
                result = await client.infer(model, [self.tensor(name, "FP32", array)])
                self.assertEqual(label_list(result.as_numpy("label")), label)

        asyncio.run(infer())


if __name__ == "__main__":
    run()
