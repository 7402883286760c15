"""An ONNX model as a Caikit module: FP32 bytes in, FP32 bytes out."""

import os

import numpy
import onnxruntime
from caikit.core import DataObjectBase, ModuleBase, TaskBase, dataobject, module, task


@dataobject(package="caikit_data_model.bench")
class Elements(DataObjectBase):
    data: bytes


@task(required_parameters={"x": Elements}, output_type=Elements)
class TensorTask(TaskBase):
    pass


@module("6f1d1f6e-9a3f-4d0e-8f1c-0a4a3e0b7c11", "OnnxModule", "1.0.0", TensorTask)
class OnnxModule(ModuleBase):
    def __init__(self, session):
        super().__init__()
        self.session = session
        # One row: the batch is the only dimension with a name instead of a size.
        shape = session.get_inputs()[0].shape
        self.shape = [size if isinstance(size, int) else 1 for size in shape]

    @classmethod
    def load(cls, model_path, **kwargs):
        # Caikit hands over the parsed config.yml, which knows where it lies.
        folder = getattr(model_path, "model_path", model_path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        file = os.path.join(folder, "model.onnx")
        session = onnxruntime.InferenceSession(
            file, options, providers=["CPUExecutionProvider"]
        )
        return cls(session)

    def run(self, x: Elements) -> Elements:
        elements = numpy.frombuffer(x.data, dtype=numpy.float32).reshape(self.shape)
        (y,) = self.session.run(["y"], {"x": elements})
        return Elements(data=y.tobytes())
