"""The cases for tritonclient that its gRPC and its HTTP client have in common."""

import numpy
from tritonclient.utils import InferenceServerException

from cases import DATATYPES, empty, example, identity_model, label_list, sample


class TritonCases:
    """Mixed into a Case. The subclass names `triton` (a module of tritonclient), `client`, the codes by
    which it shows each kind of error, and how it reads a metadata answer (`as_dict`)."""

    def tensor(self, name, datatype, array, **options):
        """An input tensor, sent in binary form unless `options` say otherwise."""
        tensor = self.triton.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, **options)
        return tensor

    def rows(self, *values):
        """The input of the models that add a number: "x" FP32 [N, 4]."""
        array = numpy.array(values, dtype=numpy.float32)
        return [self.tensor("x", "FP32", array)]

    def index(self):
        return {(row["name"], row.get("version", "")): row["state"] for row in self.index_rows()}

    def refused(self, code, pattern, call, *arguments, **options):
        with self.assertRaisesRegex(InferenceServerException, pattern) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.status(), code)

    def test_health(self):
        self.assertIs(self.client.is_server_live(), True)
        self.assertIs(self.client.is_server_ready(), True)
        self.assertIs(self.client.is_model_ready("digits"), True)
        self.assertIs(self.client.is_model_ready("add", "2"), True)
        self.assertIs(self.client.is_model_ready("add", "9"), False)
        self.assertIs(self.client.is_model_ready("nobody"), False)

    def test_server_metadata(self):
        metadata = self.as_dict(self.client.get_server_metadata())
        self.assertEqual(metadata["name"], "modelport")
        self.assertRegex(metadata["version"], r"^\d+\.\d+\.\d+")
        for extension in ("binary_tensor_data", "classification", "model_repository"):
            self.assertIn(extension, metadata["extensions"])

    def test_model_metadata(self):
        metadata = self.as_dict(self.client.get_model_metadata("digits"))
        self.assertEqual(metadata["name"], "digits")
        self.assertEqual(metadata["platform"], "onnx_onnxv1")
        (image,) = metadata["inputs"]
        self.assertEqual((image["name"], image["datatype"]), ("image", "FP32"))
        self.assertEqual([int(size) for size in image["shape"]], [-1, 1, 8, 8])
        self.assertIn("label", [output["name"] for output in metadata["outputs"]])

    def test_model_versions(self):
        metadata = self.as_dict(self.client.get_model_metadata("add"))
        self.assertEqual(metadata["versions"], ["1", "2"])
        for version, answering, sums in (("", "2", [3, 4, 5, 6]), ("1", "1", [2, 3, 4, 5])):
            result = self.client.infer("add", self.rows([1, 2, 3, 4]), model_version=version)
            self.assertEqual(result.as_numpy("y").tolist(), [sums])
            self.assertEqual(self.as_dict(result.get_response())["model_version"], answering)

    def test_known_answers_of_the_examples(self):
        for name in ("digits", "digits-batch", "iris"):
            with self.subTest(name):
                model, input_name, array, label = example(name)
                result = self.client.infer(model, [self.tensor(input_name, "FP32", array)])
                self.assertEqual(label_list(result.as_numpy("label")), label)

    def test_every_datatype_in_binary_form(self):
        for datatype in DATATYPES:
            with self.subTest(datatype):
                array = sample(datatype)
                tensor = self.tensor("x", datatype, array)
                result = self.client.infer(identity_model(datatype), [tensor])
                self.assert_same(result.as_numpy("y"), array)

    def test_empty_tensors(self):
        for datatype in ("FP32", "INT64"):
            with self.subTest(datatype):
                tensor = self.tensor("x", datatype, empty(datatype))
                result = self.client.infer(identity_model(datatype), [tensor])
                self.assert_same(result.as_numpy("y"), empty(datatype))

    def test_strings(self):
        index = self.tensor("index", "INT64", numpy.array([2, 0], dtype=numpy.int64))
        result = self.client.infer("words", [index])
        self.assertEqual(label_list(result.as_numpy("word")), ["zwölf", "zero"])

    def test_a_model_without_inputs(self):
        result = self.client.infer("constant", [])
        self.assertEqual(result.as_numpy("y").tolist(), [1, 2, 3])

    def test_classes(self):
        array = numpy.array([[1.5, -2, 3]], dtype=numpy.float32)
        inputs = [self.tensor(name, "FP32", array) for name in ("a", "b")]
        wanted = [self.triton.InferRequestedOutput("sum", class_count=2)]
        result = self.client.infer("arithmetic", inputs, outputs=wanted)
        self.assertEqual(label_list(result.as_numpy("sum").ravel()), ["6.000000:2", "3.000000:0"])
        wanted = [self.triton.InferRequestedOutput("sum", class_count=100)]
        result = self.client.infer("arithmetic", inputs, outputs=wanted)
        self.assertEqual(len(result.as_numpy("sum").ravel()), 3)

    def test_a_megabyte(self):
        array = numpy.arange(2**18, dtype=numpy.float32).reshape(2, -1)
        result = self.client.infer(identity_model("FP32"), [self.tensor("x", "FP32", array)])
        self.assert_same(result.as_numpy("y"), array)

    def test_requested_outputs_in_their_order_and_the_id(self):
        inputs = [
            self.tensor("a", "FP32", numpy.array([[5, 6, 7]], dtype=numpy.float32)),
            self.tensor("b", "FP32", numpy.array([[1, 2, 3]], dtype=numpy.float32)),
        ]
        wanted = [self.triton.InferRequestedOutput(name) for name in ("difference", "sum")]
        result = self.client.infer("arithmetic", inputs, outputs=wanted, request_id="id 1")
        response = self.as_dict(result.get_response())
        self.assertEqual([output["name"] for output in response["outputs"]], ["difference", "sum"])
        self.assertEqual(response["id"], "id 1")
        self.assertEqual(result.as_numpy("difference").tolist(), [[4, 4, 4]])
        only = self.client.infer("arithmetic", inputs, outputs=wanted[1:])
        self.assertIsNone(only.as_numpy("difference"))
        self.assertEqual(only.as_numpy("sum").tolist(), [[6, 8, 10]])

    def test_parameters_that_mean_nothing_here(self):
        result = self.client.infer(
            "add",
            self.rows([0, 0, 0, 0]),
            priority=3,
            parameters={"note": "for nobody", "flag": True},
        )
        self.assertEqual(result.as_numpy("y").tolist(), [[2, 2, 2, 2]])

    def test_sequences_are_refused(self):
        for options in ({"sequence_id": 7, "sequence_start": True}, {"sequence_id": "a chat"}):
            with self.subTest(options=options):
                rows = self.rows([0, 0, 0, 0])
                self.refused(
                    self.invalid,
                    "sequences are not supported",
                    self.client.infer,
                    "add",
                    rows,
                    **options,
                )

    def test_shared_memory_is_refused(self):
        tensor = self.triton.InferInput("x", [1, 4], "FP32")
        tensor.set_shared_memory("region", 16)
        refused = "'x'.*shared memory is not supported"
        self.refused(self.invalid, refused, self.client.infer, "add", [tensor])
        wanted = self.triton.InferRequestedOutput("y")
        wanted.set_shared_memory("region", 16)
        rows = self.rows([0, 0, 0, 0])
        refused = "'y'.*shared memory is not supported"
        self.refused(self.invalid, refused, self.client.infer, "add", rows, outputs=[wanted])
        for call, arguments in (
            (self.client.register_system_shared_memory, ("region", "/region", 16)),
            (self.client.unregister_system_shared_memory, ()),
            (self.client.get_system_shared_memory_status, ()),
            (self.client.register_cuda_shared_memory, ("region", b"aGFuZGxl", 0, 16)),
            (self.client.unregister_cuda_shared_memory, ("region",)),
            (self.client.get_cuda_shared_memory_status, ()),
        ):
            with self.subTest(call.__name__):
                self.refused(self.unknown, "shared memory is not supported", call, *arguments)

    def test_settings_of_traces_and_logs_are_refused(self):
        for call, arguments, pattern in (
            (self.client.get_trace_settings, (), "TRACING"),
            (self.client.get_trace_settings, ("add",), "TRACING"),
            (self.client.update_trace_settings, ("add", {"trace_level": "OFF"}), "TRACING"),
            (self.client.get_log_settings, (), "LOG_LEVEL"),
            (self.client.update_log_settings, ({"log_verbose_level": 1},), "LOG_LEVEL"),
        ):
            with self.subTest(call.__name__):
                self.refused(self.unknown, pattern, call, *arguments)

    def test_the_configuration_of_a_model(self):
        answer = self.as_dict(self.client.get_model_config("add"))
        # gRPC's has the configuration in a field, REST's is the configuration.
        config = answer.get("config", answer)
        self.assertEqual(config["name"], "add")
        self.assertEqual(config["backend"], "onnxruntime")
        self.assertGreater(config["max_batch_size"], 1)
        (tensor,) = config["input"]
        self.assertEqual((tensor["name"], tensor["data_type"]), ("x", "TYPE_FP32"))
        self.assertEqual([int(size) for size in tensor["dims"]], [4])
        self.assertIn("dynamic_batching", config)
        older = self.as_dict(self.client.get_model_config("add", "1"))
        self.assertEqual(older.get("config", older)["name"], "add")
        self.refused(self.missing, "nobody", self.client.get_model_config, "nobody")
        self.refused(self.invalid, "9", self.client.get_model_config, "add", "9")

    def test_a_wrong_shape(self):
        array = numpy.zeros([1, 5], dtype=numpy.float32)
        tensors = [self.tensor("x", "FP32", array)]
        pattern = r"unexpected shape for input 'x' for model 'add'.*\[-1, ?4\], got \[1, ?5\]"
        self.refused(self.invalid, pattern, self.client.infer, "add", tensors)

    def test_a_wrong_datatype(self):
        tensors = [self.tensor("x", "INT32", numpy.zeros([1, 4], dtype=numpy.int32))]
        pattern = "data-type is 'INT32', model expects 'FP32'"
        self.refused(self.invalid, pattern, self.client.infer, "add", tensors)

    def test_names_that_the_model_does_not_have(self):
        tensors = [self.tensor("z", "FP32", numpy.zeros([1, 4], dtype=numpy.float32))]
        self.refused(self.invalid, "'z'", self.client.infer, "add", tensors)
        wanted = [self.triton.InferRequestedOutput("nothing")]
        rows = self.rows([0, 0, 0, 0])
        self.refused(self.invalid, "nothing", self.client.infer, "add", rows, outputs=wanted)

    def test_models_and_versions_that_do_not_exist(self):
        rows = self.rows([0, 0, 0, 0])
        self.refused(self.missing, "nobody", self.client.infer, "nobody", rows)
        self.refused(self.missing, "nobody", self.client.get_model_metadata, "nobody")
        self.refused(self.invalid, "9", self.client.infer, "add", rows, model_version="9")

    def test_a_run_that_fails(self):
        index = self.tensor("index", "INT64", numpy.array([5], dtype=numpy.int64))
        self.refused(self.failed, ".", self.client.infer, "words", [index])

    def test_the_timeout_parameter(self):
        inputs = [
            self.tensor("x", "FP32", numpy.zeros([1, 4], dtype=numpy.float32)),
            self.tensor("n", "INT64", numpy.array([300], dtype=numpy.int64)),
        ]
        self.refused(
            self.late, "20000 microseconds", self.client.infer, "slow", inputs, timeout=20_000
        )

    def test_load_and_unload(self):
        self.assertEqual(self.index()["spare", ""], "READY")
        self.client.unload_model("spare")
        try:
            self.assertIs(self.client.is_model_ready("spare"), False)
            self.assertEqual(self.index()["spare", ""], "UNAVAILABLE")
            rows = self.rows([1, 2, 3, 4])
            self.refused(self.missing, "spare", self.client.infer, "spare", rows)
        finally:
            self.client.load_model("spare")
        self.assertIs(self.client.is_model_ready("spare"), True)
        result = self.client.infer("spare", self.rows([1, 2, 3, 4]))
        self.assertEqual(result.as_numpy("y").tolist(), [[2, 3, 4, 5]])
        self.refused(self.missing, "nobody", self.client.load_model, "nobody")
        files = {"file:1/model.onnx": b"onnx"}
        self.refused(self.invalid, "'config'", self.client.load_model, "spare", config="{}")
        self.refused(
            self.invalid, "none", self.client.load_model, "spare", config="{}", files=files
        )

    def test_the_repository_index(self):
        index = self.index()
        self.assertEqual(index["digits", ""], "READY")
        self.assertEqual(index["add", "1"], "READY")
        self.assertEqual(index["add", "2"], "READY")

    def test_statistics(self):
        def counts():
            answer = self.as_dict(self.client.get_inference_statistics("arithmetic"))
            (row,) = answer["model_stats"]
            self.assertEqual(row["name"], "arithmetic")
            stats = row["inference_stats"]
            for kind in ("queue", "compute_input", "compute_infer", "compute_output"):
                self.assertEqual(stats[kind].get("count", 0), stats["success"].get("count", 0))
            for kind in ("cache_hit", "cache_miss"):
                self.assertIn(kind, stats)
            return [int(stats[kind].get("count", 0)) for kind in ("success", "fail")]

        array = numpy.zeros([1, 3], dtype=numpy.float32)
        inputs = [self.tensor(name, "FP32", array) for name in ("a", "b")]
        self.client.infer("arithmetic", inputs)
        success, fail = counts()
        self.client.infer("arithmetic", inputs)
        self.assertEqual(counts(), [success + 1, fail])
        (row,) = self.as_dict(self.client.get_inference_statistics("arithmetic"))["model_stats"]
        self.assertGreater(int(row["inference_stats"]["compute_infer"]["ns"]), 0)
        self.assertGreaterEqual(int(row["inference_count"]), int(row["execution_count"]))
        self.assertEqual(int(row["batch_stats"][0]["batch_size"]), 1)
        everything = self.as_dict(self.client.get_inference_statistics())["model_stats"]
        self.assertIn("digits", [row["name"] for row in everything])
