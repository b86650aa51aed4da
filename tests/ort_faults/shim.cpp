#include "ort_faults/shim.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <concepts>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "ort/handle.h"
#include "ort_faults/ledger.h"

namespace laneway::faults {
namespace {

/// Of each table the real one, and ours in its place.
template <class Table>
const Table* real = nullptr;
template <class Table>
Table table{};

template <class Table>
constexpr bool stands_in_for = false;

template <class Native>
concept Owned = requires(const OrtApi& api) {
  ort::release_function<Native>(api);
};

/// Gives what stays another's, or what we only make for ONNX Runtime to take.
template <auto member>
constexpr bool lends = false;
template <>
constexpr bool lends<&OrtApi::GetAllocatorWithDefaultOptions> = true;
template <>
constexpr bool lends<&OrtApi::GetSharedAllocator> = true;
template <>
constexpr bool lends<&OrtApi::KernelContext_GetOutput> = true;
template <>
constexpr bool lends<&OrtApi::ShapeInferContext_GetInputTypeShape> = true;
template <>
constexpr bool lends<&OrtApi::CreateExternalInitializerInfo> = true;

/// Returns a status that tells of no failure.
template <auto member>
constexpr bool makes_a_status = false;
template <>
constexpr bool makes_a_status<&OrtApi::CreateStatus> = true;

/// Has done its work when it tells of a failure.
template <auto member>
constexpr bool fails_afterwards = false;
template <>
constexpr bool fails_afterwards<&OrtApi::ReleaseAvailableProviders> = true;
template <>
constexpr bool fails_afterwards<&OrtApi::UnregisterAllocator> = true;
template <>
constexpr bool fails_afterwards<&OrtApi::UnregisterExecutionProviderLibrary> = true;
#if ORT_API_VERSION >= 25
template <>
constexpr bool fails_afterwards<&OrtInteropApi::DeinitGraphicsInteropForEpDevice> = true;
#endif

// ---- who owns what after a call that succeeded ----------------------------------------------------------------------------

/// What most functions give: the last argument points to where the handle is written.
template <auto member, class... Args>
struct Effects {
  explicit Effects(const Args&...) noexcept {}
  void succeeded(const char* function, const Args&... args) const {
    if constexpr (sizeof...(args) > 0 && !lends<member>) give(function, std::get<sizeof...(args) - 1>(std::tie(args...)));
  }

 private:
  template <class Last>
  static void give(const char*, const Last&) {}
  template <Owned Native>
  static void give(const char* function, Native** made) {
    given(*made, function);
  }
};

/// An array of outputs, of which those that are null become the caller's.
struct Outputs {
  std::vector<OrtValue**> made;
  Outputs(OrtValue** values, std::size_t count) {
    const Aside aside;
    for (std::size_t i = 0; i < count; ++i) {
      if (!values[i]) made.push_back(&values[i]);
    }
  }
  void succeeded(const char* function) const {
    for (OrtValue** value : made) given(*value, function);
  }
};

template <class... Args>
struct Effects<&OrtApi::Run, Args...> {
  Outputs outputs;
  explicit Effects(OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*, std::size_t, const char* const*,
                   std::size_t count, OrtValue** values)
      : outputs(values, count) {}
  void succeeded(const char* function, const Args&...) const { outputs.succeeded(function); }
};

template <class... Args>
struct Effects<&OrtApi::GetBoundOutputValues, Args...> {
  explicit Effects(const Args&...) noexcept {}
  void succeeded(const char* function, const OrtIoBinding*, OrtAllocator*, OrtValue** const* values,
                 const std::size_t* count) const {
    for (std::size_t i = 0; i < *count; ++i) given((*values)[i], function);
  }
};

/// An array of handles, of which those that are null afterwards are the other's.
template <class Native>
struct TakenOver {
  Native** array;
  std::vector<Native*> before;
  TakenOver(Native** handles, std::size_t count) : array(handles) {
    const Aside aside;
    before.assign(handles, handles + count);
  }
  void succeeded(const char* function) const {
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!array[i]) given_back(before[i], function);
    }
  }
};

template <class... Args>
struct Effects<&OrtModelEditorApi::SetGraphInputs, Args...> : TakenOver<OrtValueInfo> {
  Effects(OrtGraph*, OrtValueInfo** values, std::size_t count) : TakenOver(values, count) {}
  void succeeded(const char* function, const Args&...) const { TakenOver::succeeded(function); }
};
template <class... Args>
struct Effects<&OrtModelEditorApi::SetGraphOutputs, Args...> : TakenOver<OrtValueInfo> {
  Effects(OrtGraph*, OrtValueInfo** values, std::size_t count) : TakenOver(values, count) {}
  void succeeded(const char* function, const Args&...) const { TakenOver::succeeded(function); }
};
template <class... Args>
struct Effects<&OrtModelEditorApi::CreateNode, Args...> : TakenOver<OrtOpAttr> {
  Effects(const char*, const char*, const char*, const char* const*, std::size_t, const char* const*, std::size_t,
          OrtOpAttr** attributes, std::size_t count, OrtNode**)
      : TakenOver(attributes, count) {}
  void succeeded(const char* function, const Args&... args) const {
    TakenOver::succeeded(function);
    given(*std::get<sizeof...(args) - 1>(std::tie(args...)), function);
  }
};

template <class... Args>
struct Effects<&OrtModelEditorApi::AddNodeToGraph, Args...> {
  explicit Effects(const Args&...) noexcept {}
  void succeeded(const char* function, OrtGraph*, OrtNode* node) const { given_back(node, function); }
};
template <class... Args>
struct Effects<&OrtModelEditorApi::AddGraphToModel, Args...> {
  explicit Effects(const Args&...) noexcept {}
  void succeeded(const char* function, OrtModel*, OrtGraph* graph) const { given_back(graph, function); }
};
template <class... Args>
struct Effects<&OrtModelEditorApi::AddInitializerToGraph, Args...> {
  explicit Effects(const Args&...) noexcept {}
  void succeeded(const char* function, OrtGraph*, const char*, OrtValue* tensor, bool) const { given_back(tensor, function); }
};

// What an asynchronous run leaves becomes the caller's when it is told so.
struct Told {
  RunAsyncCallbackFn callback;
  void* context;
  Outputs outputs;

  static void tell(void* told, OrtValue** values, std::size_t count, OrtStatus* status) {
    const std::unique_ptr<const Told> self(static_cast<const Told*>(told));
    given(status, "RunAsync");
    self->outputs.succeeded("RunAsync");
    self->callback(self->context, values, count, status);
  }
};

// ---- a function of ours in the place of each ------------------------------------------------------------------------------

template <class Table>
const Table* in_place_of(const Table* theirs);

template <auto member, class Table, class Result, class... Args>
struct Shim {
  static inline const char* name = "";
  static constexpr bool may_fail = std::same_as<Result, OrtStatus*> && !makes_a_status<member>;

  static Result call(Args... args) noexcept {
    if constexpr (std::same_as<Result, void>) {
      if constexpr (sizeof...(args) == 1) release(args...);
      enter(args...);
      Effects<member, Args...>(args...).succeeded(name, args...);
    } else if constexpr (!may_fail) {
      return ours(enter(args...));
    } else {
      OrtStatus* const injected = next_call(*real<OrtApi>, name);
      if (injected && !fails_afterwards<member>) return injected;
      const Effects<member, Args...> effects(args...);
      OrtStatus* const status = enter(args...);
      if (status) {
        given(status, name);
      } else {
        effects.succeeded(name, args...);
      }
      return injected ? injected : status;
    }
  }

 private:
  static Result enter(Args... args) noexcept {
    const Inside inside;
    return (real<Table>->*member)(args...);
  }

  template <class Other>
  static void release(Other) {}
  template <Owned Native>
  static void release(Native* handle) {
    if (ort::release_function<Native>(*real<OrtApi>) == real<Table>->*member) given_back(handle, name);
  }

  template <class Other>
  static Other ours(Other result) {
    return result;
  }
  template <class Sub>
  requires stands_in_for<Sub>
  static const Sub* ours(const Sub* theirs) { return theirs ? in_place_of(theirs) : nullptr; }
};

OrtStatus* run_async(OrtSession* session, const OrtRunOptions* options, const char* const* input_names,
                     const OrtValue* const* inputs, std::size_t input_count, const char* const* output_names,
                     std::size_t output_count, OrtValue** outputs, RunAsyncCallbackFn callback, void* context) noexcept {
  if (OrtStatus* const injected = next_call(*real<OrtApi>, "RunAsync")) return injected;
  Told* told = nullptr;
  {
    const Aside aside;
    told = new Told{callback, context, Outputs(outputs, output_count)};
  }
  const Inside inside;
  OrtStatus* const status = real<OrtApi>->RunAsync(session, options, input_names, inputs, input_count, output_names, output_count,
                                                   outputs, Told::tell, told);
  if (!status) return nullptr;
  const Aside aside;
  delete told;
  given(status, "RunAsync");
  return status;
}

template <auto member, class Table, class Result, class... Args, bool nothrow>
auto shim_of(Result (*Table::*)(Args...) noexcept(nothrow)) -> Shim<member, Table, Result, Args...>;

template <auto member>
void install(auto& slot, const char* name) {
  using Made = decltype(shim_of<member>(member));
  Made::name = name;
  slot = Made::call;
  if (Made::may_fail) known_to_fail(name);
}
template <>
void install<&OrtApi::RunAsync>(decltype(OrtApi::RunAsync)& slot, const char*) {
  slot = run_async;
}

#define LANEWAY_ORT_ENTRY(TABLE, NAME) install<&TABLE::NAME>(table<TABLE>.NAME, #NAME);
#define LANEWAY_ORT_TABLE(TABLE, COUNT)                                                           \
  static_assert(sizeof(TABLE) == (COUNT) * sizeof(void*), "a function of the header is missing"); \
  template <>                                                                                     \
  constexpr bool stands_in_for<TABLE> = true;                                                     \
  template <>                                                                                     \
  const TABLE* in_place_of(const TABLE* theirs) {                                                 \
    if (real<TABLE> == theirs) return &table<TABLE>;                                              \
    const Aside aside;                                                                            \
    real<TABLE> = theirs;
#define LANEWAY_ORT_TABLE_END(TABLE) \
  return &table<TABLE>;              \
  }
#define LANEWAY_ORT_USED(NAME)
#include "ort_entries.def"
#undef LANEWAY_ORT_USED

// ---- the library ----------------------------------------------------------------------------------------------------------

const OrtApiBase& real_base() {
  static const OrtApiBase& base = *[] {
    void* const library = dlopen(LANEWAY_TEST_ORT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    return reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
  }();
  return base;
}

const OrtApi* get_api(std::uint32_t level) noexcept {
  const Aside aside;
  const OrtApi* const theirs = real_base().GetApi(level);
  return theirs ? in_place_of(theirs) : nullptr;
}
const char* get_version() noexcept { return real_base().GetVersionString(); }

}  // namespace
}  // namespace laneway::faults

extern "C" __attribute__((visibility("default"))) const OrtApiBase* OrtGetApiBase() noexcept {
  static const OrtApiBase base = {laneway::faults::get_api, laneway::faults::get_version};
  return &base;
}
