// A shared library that is no ONNX Runtime.
extern "C" __attribute__((visibility("default"))) int laneway_empty_library() { return 42; }
