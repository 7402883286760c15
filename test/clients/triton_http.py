"""tritonclient.http: REST with binary tensors, which is what it sends unless told otherwise."""

import asyncio

import numpy
import tritonclient.http
import tritonclient.http.aio

from cases import ADDRESS, DATATYPES, Case, example, identity_model, label_list, run, sample
from triton_cases import TritonCases


class TritonHttp(TritonCases, Case):
    triton = tritonclient.http
    invalid, missing, failed, late = "400", "404", "500", "504"
    unknown = "501"

    def setUp(self):
        self.client = tritonclient.http.InferenceServerClient(ADDRESS, concurrency=4)
        self.addCleanup(self.client.close)

    @staticmethod
    def as_dict(answer):
        return answer

    def index_rows(self):
        return self.client.get_model_repository_index()

    def test_every_datatype_as_json(self):
        # The client refuses to write FP16 as JSON itself.
        for datatype in (name for name in DATATYPES if name != "FP16"):
            with self.subTest(datatype):
                array = sample(datatype, finite=True)
                tensor = self.tensor("x", datatype, array, binary_data=False)
                wanted = self.triton.InferRequestedOutput("y", binary_data=False)
                result = self.client.infer(identity_model(datatype), [tensor], outputs=[wanted])
                self.assertNotIn("binary_data_size", result.get_output("y").get("parameters", {}))
                answer = result.as_numpy("y")
                if datatype == "BYTES":
                    # Of JSON the client makes strings.
                    self.assertEqual([text.encode() for text in answer.flat], list(array.flat))
                else:
                    self.assert_same(answer, array)

    def test_floats_that_json_has_no_form_for(self):
        for datatype, dtype in (("FP32", numpy.float32), ("FP64", numpy.float64)):
            with self.subTest(datatype):
                array = numpy.array([[numpy.nan, numpy.inf, -numpy.inf, 1.5]], dtype=dtype)
                tensor = self.tensor("x", datatype, array, binary_data=False)
                result = self.client.infer(identity_model(datatype), [tensor])
                numpy.testing.assert_array_equal(result.as_numpy("y"), array)

    def test_binary_and_json_in_one_request(self):
        array = numpy.array([[1.5, -2, 3]], dtype=numpy.float32)
        inputs = [
            self.tensor("a", "FP32", array, binary_data=False),
            self.tensor("b", "FP32", array, binary_data=True),
        ]
        wanted = [
            self.triton.InferRequestedOutput("sum", binary_data=True),
            self.triton.InferRequestedOutput("difference", binary_data=False),
        ]
        result = self.client.infer("arithmetic", inputs, outputs=wanted)
        self.assertEqual(result.get_output("sum")["parameters"]["binary_data_size"], 12)
        self.assertEqual(result.get_output("difference")["data"], [0, 0, 0])
        self.assert_same(result.as_numpy("sum"), array + array)

    def test_compressed_requests(self):
        model, name, array, label = example("digits-batch")
        for algorithm in ("gzip", "deflate"):
            with self.subTest(algorithm):
                result = self.client.infer(
                    model,
                    [self.tensor(name, "FP32", array)],
                    request_compression_algorithm=algorithm,
                    response_compression_algorithm=algorithm,
                )
                self.assertEqual(label_list(result.as_numpy("label")), label)

    def test_many_at_once(self):
        pending = [self.client.async_infer("add", self.rows([number] * 4)) for number in range(16)]
        sums = [request.get_result().as_numpy("y")[0, 0] for request in pending]
        self.assertEqual(sums, [number + 2 for number in range(16)])

    def test_asyncio(self):
        async def infer():
            model, name, array, label = example("iris")
            async with tritonclient.http.aio.InferenceServerClient(ADDRESS) as client:
                result = await client.infer(model, [self.tensor(name, "FP32", array)])
                self.assertEqual(label_list(result.as_numpy("label")), label)

        asyncio.run(infer())


if __name__ == "__main__":
    run()
