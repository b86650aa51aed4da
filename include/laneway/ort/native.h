#pragma once

/// The handles of ONNX Runtime's C API, declared only: for users who call it themselves beside this library (include its own
/// header then) and for `native()` of the classes here. What native() gives stays owned by the object that gave it.
struct OrtAllocator;
struct OrtApi;
struct OrtEnv;
struct OrtIoBinding;
struct OrtKeyValuePairs;
struct OrtMemoryInfo;
struct OrtModelMetadata;
struct OrtPrepackedWeightsContainer;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtThreadingOptions;
struct OrtTypeInfo;
struct OrtValue;
