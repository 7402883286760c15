"""KServe's client with the requests of its guides and end-to-end tests, sent to KServe's server and to Modelport.

    kserve_clients.py MODELPORT KSERVE_HTTP KSERVE_GRPC
"""

import unittest

import httpx
import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

from same import MODELPORT, PEER, PEER_GRPC, SameAnswers, run, texts

IRIS = [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]
IRIS_MODELS = ["iris-xgboost", "iris-lightgbm", "iris-sklearn"]
CANCER_MODELS = ["cancer-xgboost", "cancer-lightgbm"]
CANCER = (numpy.arange(90).reshape(3, 30) % 29 * 0.9 + 0.05).tolist()

# The forms of a row that KServe's documentation has for LightGBM.
LISTS = {
    "sepal_length_(cm)": [5.1],
    "sepal_width_(cm)": [3.5],
    "petal_length_(cm)": [1.4],
    "petal_width_(cm)": [0.2],
}
LABELLED = {name: {"0": value} for name, (value,) in LISTS.items()}
CELLS = [{name: value} for name, (value,) in LISTS.items()]
WHOLE_ROWS = [{name: value for name, (value,) in LISTS.items()}] * 2
FRAMES = {
    "lists of values": LISTS,
    "values by their labels": LABELLED,
    "rows": WHOLE_ROWS,
    "rows that lack columns": CELLS,
    "a column that no row has": CELLS[:3],
}

HOUSES = {
    "MSZoning": ("BYTES", ["RL", "FV"]),
    "LotArea": ("INT32", [8450, 11250]),
    "LotShape": ("BYTES", ["Reg", "IR1"]),
    "YrSold": ("INT32", [2008, 2007]),
    "GarageArea": ("INT32", [548, 0]),
}


def matrix(model, rows, *, binary, datatype="FP32", name="input-0", **options):
    dtype = {"FP32": numpy.float32, "FP64": numpy.float64, "INT32": numpy.int32}[datatype]
    array = numpy.array(rows, dtype=dtype)
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(f"kserve-{model}", [tensor], **options)


def frame():
    """A data frame as one input for each column."""
    inputs = [
        InferInput(name, [len(values)], datatype, data=values)
        for name, (datatype, values) in HOUSES.items()
    ]
    return InferRequest("kserve-houses-sklearn", inputs, parameters={"content_type": "pd"})


def tensors_of(response):
    return [(each.name, each.datatype, each.shape, each.as_numpy()) for each in response.outputs]


class KserveV1(SameAnswers, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = InferenceRESTClient(RESTConfig(protocol="v1"))
        self.addAsyncCleanup(self.client.close)

    async def predict(self, address, model, body):
        answer = await self.client.infer(f"http://{address}", body, model_name=f"kserve-{model}")
        # TensorFlow Serving answers requests with "inputs" by columns: Modelport has that beside KServe's rows.
        columns = ["outputs"] if address == MODELPORT and "inputs" in body else []
        self.assertEqual(list(answer), ["predictions", *columns])
        return answer["predictions"]

    async def both(self, model, body):
        ours = await self.predict(MODELPORT, model, body)
        theirs = await self.predict(PEER, model, body)
        self.assertEqual(numpy.shape(ours), numpy.shape(theirs))
        datatype = "FP32" if "xgboost" in model else "FP64"
        if isinstance(numpy.ravel(theirs)[0], str):
            datatype = "BYTES"
        self.assert_same_values("predictions", datatype, ours, theirs)

    async def test_rows_of_numbers(self):
        for model in [*IRIS_MODELS, "words-sklearn"]:
            with self.subTest(model):
                await self.both(model, {"instances": IRIS})
        for model in CANCER_MODELS:
            with self.subTest(model):
                await self.both(model, {"instances": CANCER})

    async def test_data_frames(self):
        for key in ("inputs", "instances"):
            for form, one in FRAMES.items():
                with self.subTest(form, key=key):
                    await self.both("iris-lightgbm", {key: [one]})
                    await self.both("iris-lightgbm", {key: [one, one]})

    async def test_data_frames_of_several_types(self):
        lists = {name: values for name, (_, values) in HOUSES.items()}
        rows = [dict(zip(HOUSES, values)) for values in zip(*lists.values())]
        await self.both("houses-sklearn", {"instances": [lists]})
        await self.both("houses-sklearn", {"instances": [rows]})
        numbers = {"a": [5.1, 6.0], "b": [3.5, 3.4], "c": [1.4, 4.5], "d": [0.2, 1.6]}
        await self.both("classes-xgboost", {"instances": [numbers]})

    async def test_a_difference_rows_without_names(self):
        # XGBoost takes no matrix without names where it was trained with some. Most clients have none to send, and the
        # order of the columns is known.
        rows = [[5.1, 3.5, 1.4, 0.2]]
        with self.assertRaises(httpx.HTTPStatusError):
            await self.predict(PEER, "classes-xgboost", {"instances": rows})
        named = [dict(zip("abcd", row)) for row in rows]
        ours = await self.predict(MODELPORT, "classes-xgboost", {"instances": rows})
        theirs = await self.predict(PEER, "classes-xgboost", {"instances": [named]})
        self.assert_same_values("predictions", "FP32", ours, theirs)

    async def test_a_difference_rows_as_objects_of_values(self):
        # Pandas takes no frame of single values, so KServe's server fails. Such a row is clear, and its guide has one.
        row = {name: values[0] for name, (_, values) in HOUSES.items()}
        with self.assertRaises(httpx.HTTPStatusError):
            await self.predict(PEER, "houses-sklearn", {"instances": [row]})
        ours = await self.predict(MODELPORT, "houses-sklearn", {"instances": [row]})
        theirs = await self.predict(PEER, "houses-sklearn", {"instances": [[row]]})
        self.assert_same_values("predictions", "FP64", ours, theirs)

    async def test_readiness(self):
        for address in (MODELPORT, PEER):
            self.assertIs(await self.client.is_model_ready(f"http://{address}", "kserve-iris-xgboost"), True)


class KserveV2(SameAnswers, unittest.IsolatedAsyncioTestCase):
    """Over REST and gRPC."""

    async def asyncSetUp(self):
        self.rest = InferenceRESTClient(RESTConfig(protocol="v2"))
        self.addAsyncCleanup(self.rest.close)
        self.grpc = {}
        for address in (MODELPORT, PEER_GRPC):
            self.grpc[address] = InferenceGRPCClient(address)
            self.addAsyncCleanup(self.grpc[address].close)

    async def both(self, make):
        """`make` makes the request: the client changes it."""
        for send, peer in ((self.by_rest, PEER), (self.by_grpc, PEER_GRPC)):
            with self.subTest(send.__name__):
                ours = await send(MODELPORT, make())
                theirs = await send(peer, make())
                self.assert_same_tensors(tensors_of(ours), tensors_of(theirs))
                self.assertEqual(ours.model_name, theirs.model_name)

    async def by_rest(self, address, request):
        return await self.rest.infer(f"http://{address}", request, model_name=request.model_name)

    async def by_grpc(self, address, request):
        return await self.grpc[address].infer(request)

    async def test_rows_of_numbers(self):
        for model in [*IRIS_MODELS, *CANCER_MODELS]:
            for binary in (True, False):
                with self.subTest(model, binary=binary):
                    rows = IRIS if "cancer" not in model else CANCER
                    await self.both(lambda: matrix(model, rows, binary=binary))

    async def test_other_datatypes_and_names(self):
        for model in IRIS_MODELS:
            for datatype in ("FP64", "INT32"):
                with self.subTest(model, datatype=datatype):
                    await self.both(
                        lambda: matrix(model, IRIS, binary=False, datatype=datatype, name="predict")
                    )

    async def test_binary_answers(self):
        parameters = {"binary_data_output": True}
        await self.both(lambda: matrix("iris-sklearn", IRIS, binary=True, parameters=parameters))

    async def test_the_id_comes_back(self):
        for address in (MODELPORT, PEER):
            response = await self.by_rest(address, matrix("iris-sklearn", IRIS, binary=False, request_id="7"))
            self.assertEqual(response.id, "7")

    async def test_data_frames(self):
        await self.both(frame)

    async def test_a_difference_labels_that_are_texts(self):
        # KServe's server makes no V2 answer of them. Over V1 both servers answer with them.
        def make():
            return matrix("words-sklearn", IRIS, binary=False)

        with self.assertRaises(httpx.HTTPStatusError):
            await self.by_rest(PEER, make())
        for send in (self.by_rest, self.by_grpc):
            ((name, datatype, shape, values),) = tensors_of(await send(MODELPORT, make()))
            self.assertEqual((name, datatype, list(shape)), ("output-0", "BYTES", [2]))
            self.assertEqual(texts(values), ["versicolor", "versicolor"])


if __name__ == "__main__":
    run()
