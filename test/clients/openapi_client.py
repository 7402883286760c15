"""A client that openapi-python-client makes of /v2/openapi.json."""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import ADDRESS, Case, run

SERVER = f"http://{ADDRESS}"
FOLDER = tempfile.TemporaryDirectory()
PACKAGE = "modelport_client"


def generate():
    """Makes the package PACKAGE, and returns what the generator said."""
    command = [sys.executable, "-B", "-m", "openapi_python_client", "generate", "--meta", "none"]
    target = str(Path(FOLDER.name) / PACKAGE)
    made = subprocess.run(
        [*command, "--url", f"{SERVER}/v2/openapi.json", "--output-path", target],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    sys.path.insert(0, FOLDER.name)
    return made.stdout + made.stderr


SAID = generate()


def load(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


class OpenApiClient(Case):
    def setUp(self):
        self.client = load("client").Client(base_url=SERVER)
        self.models = load("models")

    def call(self, name, *arguments, **options):
        return load(f"api.{name}").sync(*arguments, client=self.client, **options)

    def test_nothing_is_left_out(self):
        self.assertNotRegex(SAID, r"(?i)unable to parse|will not be generated|not supported")

    def test_the_server(self):
        self.assertEqual(self.call("server.server_metadata").name, "modelport")
        self.assertIs(self.call("server.server_ready").ready, True)
        index = self.call("repository.repository_index", body=self.models.RepositoryIndexBody())
        self.assertIn("iris", [row.name for row in index])

    def test_the_operations_of_a_model(self):
        self.assertIs(self.call("model_iris.ready_iris").ready, True)
        metadata = self.call("model_iris.metadata_iris")
        self.assertEqual([tensor.name for tensor in metadata.inputs], ["measurements"])
        statistics = self.call("model_iris.statistics_iris")
        self.assertEqual(statistics.model_stats[0].name, "iris")

    def test_an_inference_of_a_model(self):
        body = self.models.InferIrisBody.from_dict(
            {
                "id": "one",
                "inputs": [
                    {
                        "name": "measurements",
                        "shape": [1, 4],
                        "datatype": "FP32",
                        "data": [[6.0, 2.7, 5.1, 1.6]],
                    }
                ],
            }
        )
        answer = self.call("model_iris.infer_iris", body=body)
        self.assertEqual(answer.id, "one")
        outputs = {output.name: output for output in answer.outputs}
        self.assertEqual(outputs["label"].data, ["virginica"])
        self.assertEqual(outputs["probabilities"].shape, [1, 3])

    def test_an_inference_of_any_model(self):
        tensor = self.models.Tensor(name="x", shape=[1, 4], datatype="FP32", data=[1, 2, 3, 4])
        body = self.models.InferRequest(inputs=[tensor])
        answer = self.call("server.infer", "add", body=body)
        self.assertEqual((answer.model_version, answer.outputs[0].data), ("2", [3, 4, 5, 6]))
        older = self.call("server.infer_version", "add", "1", body=body)
        self.assertEqual(older.outputs[0].data, [2, 3, 4, 5])
        self.assertEqual(self.call("server.model_metadata", "add").versions, ["1", "2"])

    def test_a_failure(self):
        tensor = self.models.Tensor(name="z", shape=[1], datatype="FP32", data=[1])
        body = self.models.InferRequest(inputs=[tensor])
        answer = self.call("server.infer", "add", body=body)
        self.assertIsInstance(answer, self.models.Error)
        self.assertRegex(answer.error, "input 'z' is unknown")


if __name__ == "__main__":
    run()
