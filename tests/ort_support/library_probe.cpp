// Opens ONNX Runtime as its arguments say and prints what it got: there is one per process, so each case needs a process.
//
//   library_probe [--preload LIBRARY] [--path LIBRARY] [--run | --starve]
#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "laneway/ort/binding.h"
#include "models/models.h"

namespace laneway::ort {
namespace {

int fail(const Error& error) {
  std::printf("error=%s: %s\n", std::string(name(error.code())).c_str(), std::string(error.message()).c_str());
  return 1;
}

// The control bits of this thread, set to what nobody has by default at the first call.
unsigned float_state() {
#if defined(__x86_64__)
  static const bool set = (_mm_setcsr(_mm_getcsr() | 0x8040), true);
  return set ? _mm_getcsr() & 0xffc0 : 0;
#else
  return 0;
#endif
}

// Runs a model, and asks for what came with later levels.
Expected<> run() {
  const std::string model = test_models::unknown_rank();
  const unsigned before = float_state();
  LANEWAY_TRY_ASSIGN(const auto session, Session::open({.model = ModelBytes{test_models::as_bytes(model)}}));
  std::printf("float_state=%s\n", float_state() == before ? "kept" : "changed");
  std::printf("rank_known=%d\n", session->inputs()[0].rank_known);
  LANEWAY_TRY_ASSIGN(RunOptions options, RunOptions::make(session->library()));
  const Expected<> profiling = options.disable_profiling();
  std::printf("profiling=%s\n", profiling ? "success" : std::string(profiling.error().message()).c_str());
  float x[] = {1, -2, 3};
  LANEWAY_TRY_ASSIGN(const Value input, Value::borrow(session->environment()->host_memory(), x, sizeof x, DType::f32, {3}));
  LANEWAY_TRY_ASSIGN(Binding binding, Binding::make(session));
  LANEWAY_TRY(binding.bind_input(0, input));
  LANEWAY_TRY(binding.bind_output(0));
  LANEWAY_TRY(binding.run(options));
  LANEWAY_TRY_ASSIGN(const Value* output, binding.output(0));
  LANEWAY_TRY_ASSIGN(const TensorView view, output->tensor());
  const auto* y = static_cast<const float*>(view.data);
  std::printf("y=%s %g %g %g\n", to_string(view.shape).c_str(), y[0], y[1], y[2]);
  return {};
}

// Opens a session with more threads than there is address space for their stacks, then one with fewer.
Expected<> starve() {
  LANEWAY_TRY_ASSIGN(const auto environment, Environment::get());
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t before = limit.rlim_cur;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  limit.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{100} << 20);
  setrlimit(RLIMIT_AS, &limit);
  const std::string model = test_models::relu();
  SessionSpec spec{.model = ModelBytes{test_models::as_bytes(model)}, .environment = environment, .threads = {.count = 60}};
  const auto refused = Session::open(spec);
  limit.rlim_cur = before;
  setrlimit(RLIMIT_AS, &limit);
  std::printf("starved=%s\n", refused ? "success" : std::string(refused.error().message()).c_str());
  spec.threads.count = 4;
  return Session::open(spec) ? Expected<>() : Error(ErrorCode::internal, "no session afterwards");
}

int probe(int argc, char** argv) {
  LibrarySpec spec;
  Expected<> (*then)() = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--run") then = run;
    if (argument == "--starve") then = starve;
    if (argument == "--path") spec.path = argv[++i];
    if (argument == "--preload" && !dlopen(argv[++i], RTLD_NOW)) return std::puts(dlerror()), 1;
  }
  const auto library = Library::open(spec);
  if (!library) return fail(library.error());
  std::printf("version=%s\nlevel=%d\nfound_by=%s\npath=%s\n", (*library)->version().c_str(), (*library)->level(),
              (*library)->found_by().c_str(), (*library)->path().c_str());
  if (!then) return 0;
  const Expected<> result = then();
  return result ? 0 : fail(result.error());
}

}  // namespace
}  // namespace laneway::ort

int main(int argc, char** argv) { return laneway::ort::probe(argc, argv); }
