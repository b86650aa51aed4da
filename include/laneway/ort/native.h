#pragma once

/// The handles of ONNX Runtime's C API, declared only: for users who call it themselves beside this library (include its own
/// header then) and for `native()` of the classes here. What native() gives stays owned by the object that gave it.
struct OrtAllocator;
struct OrtApi;
struct OrtArenaCfg;
struct OrtCANNProviderOptions;
struct OrtCUDAProviderOptionsV2;
struct OrtDnnlProviderOptions;
struct OrtEnv;
struct OrtEpDevice;
struct OrtExternalMemoryHandle;
struct OrtExternalResourceImporter;
struct OrtExternalSemaphoreHandle;
struct OrtHardwareDevice;
struct OrtIoBinding;
struct OrtKeyValuePairs;
struct OrtLoraAdapter;
struct OrtMemoryInfo;
struct OrtModelMetadata;
struct OrtPrepackedWeightsContainer;
struct OrtROCMProviderOptions;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtSyncStream;
struct OrtTensorRTProviderOptionsV2;
struct OrtTensorTypeAndShapeInfo;
struct OrtThreadingOptions;
struct OrtTypeInfo;
struct OrtValue;
