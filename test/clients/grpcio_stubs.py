"""Plain grpcio, with stubs that grpcio-tools makes of the files in proto/."""

import struct
import sys

import grpc
from google.protobuf.json_format import Parse

from cases import ADDRESS, DATATYPES, REQUESTS, ROOT, Case, identity_model, run, sample

# Not from proto/grpc/health: Python would look for that in the package `grpc`.
sys.path[:0] = [str(ROOT / "proto"), str(ROOT / "proto" / "grpc")]
messages, services = grpc.protos_and_services("inference/inference.proto")
health, health_services = grpc.protos_and_services("health/v1/health.proto")

# A call that is never answered must fail.
TIMEOUT_S = 60


def typed_field(datatype):
    """The field of InferTensorContents that holds this datatype."""
    if datatype in ("INT8", "INT16", "INT32"):
        return "int_contents"
    if datatype in ("UINT8", "UINT16", "UINT32"):
        return "uint_contents"
    return f"{datatype.lower()}_contents"


def add_request(**fields):
    request = messages.ModelInferRequest(model_name="add", **fields)
    request.inputs.add(name="x", datatype="FP32", shape=[1, 4])
    return request


class Grpcio(Case):
    def setUp(self):
        self.channel = grpc.insecure_channel(ADDRESS)
        self.addCleanup(self.channel.close)
        self.stub = services.GRPCInferenceServiceStub(self.channel)

    def call(self, method, request, **options):
        return getattr(self.stub, method)(request, timeout=TIMEOUT_S, **options)

    def refused(self, code, pattern, method, request):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(method, request)
        self.assertEqual(caught.exception.code(), code)
        self.assertRegex(caught.exception.details(), pattern)

    def test_health(self):
        self.assertTrue(self.call("ServerLive", messages.ServerLiveRequest()).live)
        self.assertTrue(self.call("ServerReady", messages.ServerReadyRequest()).ready)
        self.assertTrue(self.call("ModelReady", messages.ModelReadyRequest(name="add")).ready)
        checks = health_services.HealthStub(self.channel)
        answer = checks.Check(health.HealthCheckRequest(), timeout=TIMEOUT_S)
        self.assertEqual(answer.status, health.HealthCheckResponse.SERVING)

    def test_typed_contents_of_every_datatype(self):
        for datatype in (name for name in DATATYPES if name != "FP16"):
            with self.subTest(datatype):
                array = sample(datatype, finite=True)
                field = typed_field(datatype)
                request = messages.ModelInferRequest(model_name=identity_model(datatype))
                tensor = request.inputs.add(name="x", datatype=datatype, shape=array.shape)
                getattr(tensor.contents, field).extend(array.flatten().tolist())
                response = self.call("ModelInfer", request)
                (output,) = response.outputs
                self.assertEqual(list(output.shape), list(array.shape))
                self.assertEqual(list(response.raw_output_contents), [])
                answer = list(getattr(output.contents, field))
                self.assertEqual(answer, array.flatten().tolist())

    def test_fp16_only_as_raw_contents(self):
        request = messages.ModelInferRequest(model_name=identity_model("FP16"))
        tensor = request.inputs.add(name="x", datatype="FP16", shape=[1, 2])
        tensor.contents.fp32_contents.extend([1, 2])
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "raw", "ModelInfer", request)

    def test_an_example_request_file(self):
        text = (REQUESTS / "iris.json").read_text()
        response = self.call("ModelInfer", Parse(text, messages.ModelInferRequest()))
        labels = [o.contents.bytes_contents for o in response.outputs if o.name == "label"]
        self.assertEqual([list(label) for label in labels], [[b"setosa", b"versicolor", b"virginica"]])

    def test_a_compressed_request_has_an_uncompressed_answer(self):
        request = add_request(raw_input_contents=[struct.pack("<4f", 1, 2, 3, 4)])
        compression = grpc.Compression.Gzip
        response, call = self.stub.ModelInfer.with_call(
            request, timeout=TIMEOUT_S, compression=compression
        )
        self.assertEqual(list(response.raw_output_contents), [struct.pack("<4f", 3, 4, 5, 6)])
        encodings = [value for key, value in call.initial_metadata() if key == "grpc-encoding"]
        self.assertIn(encodings, ([], ["identity"]))

    def test_a_stream(self):
        requests = [
            add_request(id=str(number), raw_input_contents=[struct.pack("<4f", *[number] * 4)])
            for number in range(4)
        ]
        answers = list(self.stub.ModelStreamInfer(iter(requests), timeout=TIMEOUT_S))
        self.assertEqual([answer.error_message for answer in answers], [""] * 4)
        self.assertEqual([answer.infer_response.id for answer in answers], ["0", "1", "2", "3"])
        sums = [answer.infer_response.raw_output_contents[0] for answer in answers]
        self.assertEqual(sums, [struct.pack("<4f", *[number + 2] * 4) for number in range(4)])

    def test_both_dialects_of_load_and_unload(self):
        load, unload = messages.RepositoryModelLoadRequest, messages.RepositoryModelUnloadRequest

        def ready():
            return self.call("ModelReady", messages.ModelReadyRequest(name="spare")).ready

        # KServe's requests carry the model in field 1, Triton's in field 2.
        for field in ("repository_name", "model_name"):
            with self.subTest(field):
                self.call("RepositoryModelUnload", unload(**{field: "spare"}))
                self.assertIs(ready(), False)
                self.call("RepositoryModelLoad", load(**{field: "spare"}))
                self.assertIs(ready(), True)

    def test_raw_and_typed_contents_do_not_mix(self):
        request = add_request(raw_input_contents=[bytes(16)])
        request.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "raw_input_contents", "ModelInfer", request)

    def test_a_model_that_does_not_exist(self):
        request = add_request(raw_input_contents=[bytes(16)])
        request.model_name = "nobody"
        self.refused(grpc.StatusCode.NOT_FOUND, "nobody", "ModelInfer", request)


if __name__ == "__main__":
    run()
