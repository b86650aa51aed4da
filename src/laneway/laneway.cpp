#include "laneway/laneway.h"

#include <algorithm>
#include <utility>

#include "core/guard.h"
#include "laneway/candidate.h"
#include "laneway/diag/trace.h"
#include "laneway/engine/check.h"
#include "laneway/engines/null.h"
#include "laneway/engines/ort.h"
#include "runtime/start.h"

namespace laneway {
namespace {

const std::vector<Candidate>& listed() {
  static const std::vector<Candidate> engines = {
#define LANEWAY_ENGINE(Spec, automatic, about) \
  {Spec::name(), automatic, about, [](const OpenSpec& spec) { return Spec{}.open(spec); }},
#include "laneway/engines.def"
#undef LANEWAY_ENGINE
  };
  return engines;
}

// The engines a choice means, in the order in which they are tried.
Expected<std::vector<Candidate>> candidates(const EngineChoice& choice) {
  if (choice.opener()) return std::vector<Candidate>{{choice.name(), false, "", choice.opener()}};
  std::vector<Candidate> result;
  std::string known = "auto";
  for (const Candidate& engine : listed()) {
    known += ", " + engine.name;
    if (choice.name() == "auto" ? engine.automatic : engine.name == choice.name()) result.push_back(engine);
  }
  if (!result.empty()) return result;
  return Error(ErrorCode::not_found, "engine " + choice.name() + ": no such engine: expected one of: " + known);
}

Expected<OpenEngine> open_one(const Candidate& engine, const OpenSpec& spec) {
  const trace::Span span("open", engine.name);
  return engine.open(spec);
}

OpenSpec open_spec_of(const RuntimeSpec& spec) {
  // A model per bucket is described by ladders, and may be of one size itself.
  const bool described = spec.buckets && spec.buckets->model_for;
  return {.model = spec.model,
          .dimensions = described ? std::vector<NamedExtent>{} : spec.dimensions,
          .weights = spec.weights,
          .threads = validate(spec.threads) ? spec.threads : ThreadSpec{}};  // a mistake that is reported already
}

// Wrong dimensions or weights hide the ports, and with them the other mistakes: look at the model without them. What refuses it
// joins `problems`, but for wrong dimensions, which the blueprint tells one by one.
Expected<OpenEngine> open_without(const Candidate& engine, OpenSpec spec, Error refused, Problems& problems) {
  if (spec.dimensions.empty() && spec.weights.empty()) {
    problems.add(refused);
    return refused;
  }
  const std::vector<NamedExtent> dimensions = std::exchange(spec.dimensions, {});
  auto opened = open_one(engine, spec);
  if (!opened) {
    problems.add(opened.error());
    spec.weights = {};
    return open_one(engine, spec);
  }
  std::vector<Port> inputs((*opened)->inputs().begin(), (*opened)->inputs().end());
  std::vector<Port> outputs((*opened)->outputs().begin(), (*opened)->outputs().end());
  if (fix_dimensions(inputs, outputs, dimensions)) problems.add(std::move(refused));
  return opened;
}

// One engine from open to a runtime that stands. `problems` is taken by value: what one engine finds is not the next one's.
Expected<Runtime> try_engine(const RuntimeSpec& spec, const Candidate& candidate, std::string reason, Problems problems) {
  auto engine = open_one(candidate, open_spec_of(spec));
  if (!engine) engine = open_without(candidate, open_spec_of(spec), std::move(engine).error(), problems);
  if (!engine) return problems.result().error();
  return start_runtime(spec, *std::move(engine), candidate.open, std::move(reason), problems);
}

}  // namespace

Expected<Runtime> open_first(const RuntimeSpec& spec, std::span<const Candidate> candidates, const Problems& problems) {
  std::string refused;
  for (const Candidate& candidate : candidates) {
    const std::string reason = spec.engine.name() != "auto" ? "asked for" : refused.empty() ? "first choice" : "after " + refused;
    auto runtime = try_engine(spec, candidate, reason, problems);
    if (runtime || runtime.error().code() != ErrorCode::unimplemented) return runtime;
    refused.append(refused.empty() ? "" : "; ").append(candidate.name).append(": ").append(runtime.error().message());
  }
  return Error(ErrorCode::unimplemented, refused);
}

std::vector<EngineEntry> engines() {
  std::vector<EngineEntry> entries;
  for (const Candidate& engine : listed()) entries.push_back({engine.name, engine.about, engine.automatic});
  return entries;
}

Expected<OpenEngine> open_engine(const OpenSpec& spec, const EngineChoice& engine) {
  return guarded([&]() -> Expected<OpenEngine> {
    if (const auto* open = std::get_if<OpenEngine>(&spec.model.get())) return *open;
    LANEWAY_TRY_ASSIGN(const auto tried, candidates(engine));
    std::string refused;
    for (const Candidate& candidate : tried) {
      auto opened = open_one(candidate, spec);
      if (opened || opened.error().code() != ErrorCode::unimplemented) return opened;
      refused.append(refused.empty() ? "" : "; ").append(opened.error().message());
    }
    return Error(ErrorCode::unimplemented, refused);
  });
}

Expected<Runtime> open(const RuntimeSpec& spec) {
  return guarded([&]() -> Expected<Runtime> {
    Problems problems;
    Blueprint::validate(spec, problems);
    if (const auto* given = std::get_if<OpenEngine>(&spec.model.get())) {
      LANEWAY_TRY(*given ? Expected<>() : problems.result());
      const auto known = candidates(spec.engine);  // of the models of buckets
      if (!known && spec.buckets && spec.buckets->model_for && spec.engine.name() != (*given)->name())
        problems.add(known.error());
      const auto again = [engine = spec.engine](const OpenSpec& again_spec) { return open_engine(again_spec, engine); };
      return start_runtime(spec, *given, again, "given by the caller", problems);
    }
    auto tried = candidates(spec.engine);
    if (!tried) problems.add(tried.error());
    if (!tried || !Blueprint::readable(spec.model)) return problems.result().error();
    return open_first(spec, *tried, problems);
  });
}

}  // namespace laneway
