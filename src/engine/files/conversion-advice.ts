/** How to turn what people have into a model that can be served here. */
export const conversionAdvice = {
  sklearn:
    "export the model where it was trained, with skl2onnx: to_onnx(model, X[:1]).SerializeToString()",
  pickle:
    "only Python can read it: export the model where it was trained (skl2onnx for scikit-learn, save_model for XGBoost, LightGBM and CatBoost, torch.onnx for PyTorch)",
  xgboost: 'let XGBoost write it in a form of today: model.save_model("model.ubj")',
  lightgbm: 'let LightGBM write it as text: booster.save_model("model.txt")',
  catboost: 'let CatBoost write it: model.save_model("model.cbm")',
  torch: 'export it with torch.onnx.export(model, args, "model.onnx")',
  tensorflow:
    "convert it with tf2onnx: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
  tflite: "convert it with tf2onnx: python -m tf2onnx.convert --tflite FILE --output model.onnx",
  keras:
    'let Keras write it: model.export("model.onnx", format="onnx") in Keras 3, tf2onnx.convert.from_keras before',
  huggingFace:
    "a text model is the folder with config.json, tokenizer.json and its weights: load that; others can be exported with optimum: optimum-cli export onnx --model NAME FOLDER",
  llama: "a server that runs llama.cpp can serve it",
  openvino: "export the model that it was made from to ONNX",
  source: "export the model that it was made from to ONNX",
  coreml: "export the model that it was made from to ONNX; coremltools cannot convert it back",
  unpack: "unpack it, and load the .onnx file that is in it",
  refetch: "read it, correct the address or the credentials, and fetch the file again",
  again: "fetch or copy the file again",
} as const;
