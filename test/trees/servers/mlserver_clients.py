"""What MLServer's guides have its users call it with: requests, its codecs and its gRPC stubs, sent to MLServer and to
Modelport.

    mlserver_clients.py MODELPORT MLSERVER_HTTP MLSERVER_GRPC
"""

import grpc
import mlserver.grpc.converters as converters
import mlserver.grpc.dataplane_pb2_grpc as dataplane
import numpy
import pandas
import requests
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec
from mlserver.types import InferenceRequest, InferenceResponse, RequestOutput

from same import MODELPORT, PEER, PEER_GRPC, ROWS, SameAnswers, run

HOUSES = pandas.DataFrame(
    {
        "MSZoning": ["RL", "FV"],
        "LotArea": [8450, 11250],
        "LotShape": ["Reg", "IR1"],
        "YrSold": [2008, 2007],
        "GarageArea": [548, 0],
    }
)
# Its codec does not know the type that pandas has had for texts since version 3.
HOUSES = HOUSES.astype({"MSZoning": object, "LotShape": object})


def tensors_of(response):
    return [(each.name, each.datatype, each.shape, list(each.data)) for each in response.outputs]


class MlServerRest(SameAnswers):
    def post(self, address, path, body):
        answer = requests.post(f"http://{address}/v2/models/{path}/infer", json=body, timeout=60)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer

    def both(self, path, body):
        ours, theirs = (self.post(address, path, body) for address in (MODELPORT, PEER))
        # MLServer's own types read both.
        ours, theirs = (InferenceResponse.model_validate_json(each.text) for each in (ours, theirs))
        self.assert_same_tensors(tensors_of(ours), tensors_of(theirs))
        self.assertEqual(ours.model_name, theirs.model_name)
        self.assertEqual(ours.model_version, theirs.model_version)
        return ours, theirs

    def test_a_request_as_a_dictionary(self):
        for model, rows in ROWS.items():
            for datatype in ("FP32", "FP64"):
                tensor = {
                    "name": "predict-prob",
                    "shape": rows.shape,
                    "datatype": datatype,
                    "data": rows.tolist(),
                }
                with self.subTest(model, datatype=datatype):
                    self.both(f"{model}/versions/1", {"inputs": [tensor]})
                    self.both(model, {"inputs": [{**tensor, "data": rows.ravel().tolist()}]})

    def test_outputs_by_their_names(self):
        for model in ("classes-xgboost", "iris-sklearn", "words-sklearn"):
            for names in (["predict"], ["predict_proba"], ["predict", "predict_proba"]):
                with self.subTest(model, names=names):
                    request = NumpyRequestCodec.encode_request(ROWS[model])
                    request.outputs = [RequestOutput(name=name) for name in names]
                    self.both(model, request.model_dump())

    def test_codecs_of_arrays(self):
        for model, rows in ROWS.items():
            if model == "words-sklearn":
                continue
            for request in (
                NumpyRequestCodec.encode_request(rows),
                InferenceRequest(inputs=[NumpyCodec.encode_input("payload", rows)]),
            ):
                with self.subTest(model):
                    ours, theirs = self.both(model, request.model_dump())
                    arrays = [NumpyRequestCodec.decode_response(each) for each in (ours, theirs)]
                    self.assertEqual(arrays[0].dtype, arrays[1].dtype)
                    self.assertEqual(arrays[0].shape, arrays[1].shape)

    def test_missing_values(self):
        rows = [[None, 2.8, 4.8, 1.4], [6.0, None, None, 1.6]]
        tensor = {"name": "x", "shape": [2, 4], "datatype": "FP64", "data": rows}
        for model in ("iris-xgboost", "iris-lightgbm"):
            with self.subTest(model):
                self.both(model, {"inputs": [tensor]})

    def test_data_frames(self):
        request = PandasCodec.encode_request(HOUSES, use_bytes=False)
        ours, theirs = self.both("houses-sklearn", request.model_dump())
        frames = [PandasCodec.decode_response(each) for each in (ours, theirs)]
        self.assertEqual(list(frames[0].columns), list(frames[1].columns))

    def test_readiness(self):
        for address in (MODELPORT, PEER):
            for path in ("health/live", "health/ready", "models/iris-sklearn/ready"):
                answer = requests.get(f"http://{address}/v2/{path}", timeout=60)
                self.assertEqual(answer.status_code, 200, path)

    def test_a_difference_the_metadata(self):
        # MLServer knows inputs and outputs only where model-settings.json lists them.
        ours, theirs = (
            requests.get(f"http://{address}/v2/models/iris-lightgbm", timeout=60).json()
            for address in (MODELPORT, PEER)
        )
        self.assertEqual(ours["name"], theirs["name"])
        self.assertEqual((theirs["platform"], theirs["inputs"], theirs["outputs"]), ("", [], []))
        self.assertEqual(ours["platform"], "lightgbm_lightgbm")
        self.assertEqual(ours["inputs"][0]["shape"], [-1, 4])
        self.assertEqual(ours["outputs"][0]["shape"], [-1, 3])


class MlServerGrpc(SameAnswers):
    def infer(self, address, model, request, use_raw):
        message = converters.ModelInferRequestConverter.from_types(
            request, model_name=model, use_raw=use_raw
        )
        with grpc.insecure_channel(address) as channel:
            answer = dataplane.GRPCInferenceServiceStub(channel).ModelInfer(message, timeout=60)
        return converters.ModelInferResponseConverter.to_types(answer)

    def both(self, model, make):
        """`make` makes the request: the converter changes it."""
        for use_raw in (False, True):
            with self.subTest(model, use_raw=use_raw):
                ours, theirs = (
                    self.infer(address, model, make(), use_raw)
                    for address in (MODELPORT, PEER_GRPC)
                )
                self.assert_same_tensors(tensors_of(ours), tensors_of(theirs))
                self.assertEqual(ours.model_name, theirs.model_name)

    def test_codecs_of_arrays(self):
        for model, rows in ROWS.items():
            self.both(model, lambda: NumpyRequestCodec.encode_request(rows))

    def test_data_frames(self):
        self.both("houses-sklearn", lambda: PandasCodec.encode_request(HOUSES))


if __name__ == "__main__":
    run()
