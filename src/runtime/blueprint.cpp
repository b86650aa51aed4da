#include "runtime/blueprint.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "laneway/engine/check.h"
#include "runtime/capacities.h"
#include "runtime/padding.h"

namespace laneway {
namespace {

Error wrong(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

Expected<> at_least_one(int count) {
  if (count >= 1) return {};
  return wrong("too few: expected 1 or more, got " + std::to_string(count));
}

Expected<> check_name(const std::string& name) {
  if (name.empty()) return wrong("empty name");
  if (name.find('\0') != std::string::npos) return wrong("a name with a NUL character: " + std::string(name.c_str()) + "...");
  return {};
}

Expected<> check_source(const ModelSource& source) {
  if (const auto* file = std::get_if<ModelFile>(&source.get())) {
    if (file->path.empty()) return wrong("empty path: expected a file name");
    if (file->path.native().find('\0') != std::string::npos)
      return wrong("path holds a NUL character: " + std::string(file->path.c_str()) + "...");
  } else if (const auto* bytes = std::get_if<ModelBytes>(&source.get())) {
    if (bytes->bytes.empty()) return wrong("empty bytes: expected an ONNX model");
  } else if (!std::get<OpenEngine>(source.get())) {
    return wrong("a null engine: expected one that is open");
  }
  return {};
}

void check_ports(std::string_view field, const std::vector<PortSpec>& ports, Problems& problems) {
  for (const PortSpec& port : ports) {
    const std::string where = std::string(field) + ": " + port.name.c_str();
    problems.check(field, check_name(port.name));
    if (&*std::ranges::find(ports, port.name, &PortSpec::name) != &port) problems.add(wrong(where + ": named twice"));
    if (port.pages) {
      const auto resolved = resolve(*port.pages, 0);
      if (!resolved) problems.add(Error(resolved.error()).with_context(where));
    }
    if (port.shape) {
      const auto elements = element_count(*port.shape);
      if (!elements) problems.add(Error(elements.error()).with_context(where));
    }
    const bool beside_ours = port.owner == MemoryOwner::engine || port.placement.value_or(Placement::host) != Placement::host;
    if (port.memory && beside_ours)
      problems.add(wrong(where + ": the caller's memory and another owner or placement: expected one of them"));
  }
}

void check_pages(std::string_view field, const std::optional<PagePolicy>& pages, Problems& problems) {
  if (!pages) return;
  const auto resolved = resolve(*pages, 0);
  if (!resolved) problems.add(Error(resolved.error()).with_context(field));
}

// What is said to an engine that is open already would go unheard, unless models of buckets are to be opened beside it.
void check_open_engine(const Engine& engine, const RuntimeSpec& spec, Problems& problems) {
  if (spec.buckets && spec.buckets->model_for) return;
  const auto open_already = [&](const char* field, const std::string& got) {
    problems.add(wrong(std::string(field) + ": the model is an engine that is open: expected none, got " + got));
  };
  const bool names_it = spec.engine.name() == "auto" || spec.engine.name() == engine.name();
  if (spec.engine.opener() || !names_it) open_already("engine", spec.engine.name());
  if (!spec.weights.empty()) open_already("weights", spec.weights.front().name);
  if (!(spec.threads == ThreadSpec{})) open_already("threads", "settings of its own");
}

void check_buckets(const BucketSpec& spec, Problems& problems) {
  Capacities::validate(spec, problems);
  if (spec.count_max && *spec.count_max == 0)
    problems.add(wrong("buckets.count_max: capacity 0: expected 1 or more, or nullopt for no limit"));
  if (spec.bytes_max && *spec.bytes_max == 0)
    problems.add(wrong("buckets.bytes_max: capacity 0: expected 1 or more, or nullopt for no limit"));
  if (spec.bytes_max && spec.budget) problems.add(wrong("buckets: bytes_max and budget: expected one of them"));
  problems.check("buckets.build_threads", at_least_one(spec.build_threads));
}

std::string names_of(std::span<const Port> ports) {
  std::string text;
  for (const Port& port : ports) text += (text.empty() ? "" : ", ") + port.name;
  return text.empty() ? "none" : text;
}

}  // namespace

Expected<std::size_t> find_port(std::span<const Port> ports, std::string_view name, std::string_view what) {
  const auto hit = std::ranges::find(ports, name, &Port::name);
  if (hit != ports.end()) return static_cast<std::size_t>(hit - ports.begin());
  return Error(ErrorCode::not_found,
               std::string(what) + " " + std::string(name) + ": no such port: expected one of: " + names_of(ports));
}

bool Blueprint::readable(const ModelSource& source) { return static_cast<bool>(check_source(source)); }

void Blueprint::validate(const RuntimeSpec& spec, Problems& problems) {
  problems.check("model", check_source(spec.model));
  problems.check("engine", check_name(spec.engine.name()));
  const auto* open = std::get_if<OpenEngine>(&spec.model.get());
  if (open && *open) check_open_engine(**open, spec, problems);
  problems.check("lanes", at_least_one(spec.lanes));
  if (auto threads = laneway::validate(spec.threads); !threads) problems.add(std::move(threads).error());
  if (spec.job_threads) problems.check("job_threads", at_least_one(*spec.job_threads));
  if (spec.warm_up_runs < 0) problems.add(wrong("warm_up_runs: expected 0 or more, got " + std::to_string(spec.warm_up_runs)));
  check_pages("pages", spec.pages, problems);
  check_pages("input_pages", spec.input_pages, problems);
  check_pages("output_pages", spec.output_pages, problems);
  check_ports("ports", spec.ports, problems);
  for (std::size_t i = 0; i < spec.per_lane.size(); ++i) {
    const std::string field = "per_lane[" + std::to_string(i) + "]";
    check_ports(field + ".ports", spec.per_lane[i].ports, problems);
    check_pages(field + ".pages", spec.per_lane[i].pages, problems);
    problems.check(field, laneway::validate(ThreadSpec{.cores = spec.per_lane[i].cores}));
  }
  for (const std::string& output : spec.outputs) problems.check("outputs", check_name(output));
  if (spec.buckets) check_buckets(*spec.buckets, problems);
}

namespace {

// The blueprint's rooms are furnished in this order; each step reports what it finds and leaves the rest to be checked too.
class Draft {
 public:
  Draft(Blueprint& blueprint, Problems& problems) : b_(blueprint), spec_(blueprint.spec), problems_(problems) {}

  void fill() {
    described_by_ladders();
    for (const NamedExtent& dimension : spec_.dimensions) {
      problems_.check("dimensions", fix_dimensions(b_.inputs, b_.outputs, {&dimension, 1}));
    }
    shapes_of_ports();
    given_inputs();
    wanted_outputs();
    links();
    callers_memory();
    per_lane();
    varying();
  }

 private:
  struct Found {
    std::size_t index;
    bool input;
  };
  static constexpr const char* for_many_buckets =
      ": one memory for the output of several buckets: expected none (Lane::rebind_output() of a lease)";

  Expected<Found> find(const std::string& name) const {
    if (const auto input = find_port(b_.inputs, name, "port")) return Found{*input, true};
    if (const auto output = find_port(b_.outputs, name, "port")) return Found{*output, false};
    return Error(ErrorCode::not_found,
                 "port " + name + ": no such port: expected one of: " + names_of(b_.inputs) + "; " + names_of(b_.outputs));
  }

  // A model per size may be of one size itself: what ladders and ranges name varies all the same.
  void described_by_ladders() {
    if (!spec_.buckets || !spec_.buckets->model_for) return;
    const auto named = [&](const std::string& name) {
      const auto is = [&](const auto& rule) { return rule.dimension == name; };
      return std::ranges::any_of(spec_.buckets->ladders, is) || std::ranges::any_of(spec_.buckets->ranges, is);
    };
    for (std::vector<Port>* ports : {&b_.inputs, &b_.outputs}) {
      for (Port& port : *ports) {
        for (std::size_t axis = 0; axis < port.shape.size(); ++axis) {
          if (named(dimension_name(port, axis))) port.shape[axis].extent = std::nullopt;
        }
      }
    }
  }

  // A shape given for an input fixes its dimensions, by name, for all ports.
  void shapes_of_ports() {
    for (const PortSpec& port : spec_.ports) {
      const auto found = find(port.name);
      if (!found) {
        problems_.add(Error(found.error()).with_context("ports"));
        continue;
      }
      Port& declared = (found->input ? b_.inputs : b_.outputs)[found->index];
      check_kind("ports", port, declared);
      if (port.shape && declared.dense()) problems_.check("ports", shape_of_port(declared, *port.shape, found->input));
    }
  }

  void check_kind(const std::string& field, const PortSpec& port, const Port& declared) {
    if (port.dtype && *port.dtype != declared.dtype) {
      problems_.add(wrong(field + ": " + port.name + ": wrong dtype: expected " + std::string(name(declared.dtype)) + ", got " +
                          std::string(name(*port.dtype))));
    }
    if (!declared.dense() && (port.shape || port.memory))
      problems_.add(wrong(field + ": " + port.name + ": a shape or memory for a port that is not dense numbers"));
  }

  Expected<> shape_of_port(Port& declared, const Shape& shape, bool input) {
    LANEWAY_TRY(check_shape(declared, shape));
    if (!declared.rank_known) {
      declared.shape.assign(shape.rank(), Dimension{});
      declared.rank_known = true;
    }
    std::vector<NamedExtent> fixed;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (!declared.shape[axis].extent) fixed.push_back({dimension_name(declared, axis), shape[axis]});
    }
    return input ? fix_dimensions(b_.inputs, b_.outputs, fixed) : Expected<>();
  }

  void given_inputs() {
    const auto named = [](const std::vector<PortSpec>& ports, const std::string& name) {
      return std::ranges::find(ports, name, &PortSpec::name) != ports.end();
    };
    for (const Port& port : b_.inputs) {
      const auto by_lane = [&](const LaneSpec& lane) { return named(lane.ports, port.name); };
      b_.given.push_back(!port.optional || named(spec_.ports, port.name) || std::ranges::any_of(spec_.per_lane, by_lane));
    }
  }

  void wanted_outputs() {
    b_.wanted.assign(b_.outputs.size(), spec_.outputs.empty());
    std::set<std::size_t> named;
    for (const std::string& output : spec_.outputs) {
      const auto index = find_port(b_.outputs, output, "output");
      if (!index) {
        problems_.add(Error(index.error()).with_context("outputs"));
      } else if (!named.insert(*index).second) {
        problems_.add(wrong("outputs: " + output + ": named twice"));
      } else {
        b_.wanted[*index] = true;
      }
    }
  }

  void links() {
    for (const Link& link : spec_.links) problems_.check("links", add_link(link));
  }

  Expected<> add_link(const Link& link) {
    LANEWAY_TRY_ASSIGN(const std::size_t output, find_port(b_.outputs, link.output, "output"));
    LANEWAY_TRY_ASSIGN(const std::size_t input, find_port(b_.inputs, link.input, "input"));
    const Port& from = b_.outputs[output];
    const Port& to = b_.inputs[input];
    const std::string where = link.output + " -> " + link.input;
    if (!from.dense() || !to.dense()) return wrong(where + ": expected dense numbers at both ends");
    if (from.dtype != to.dtype) {
      return wrong(where + ": dtypes differ: expected " + std::string(name(to.dtype)) + ", got " + std::string(name(from.dtype)));
    }
    if (from.rank_known && to.rank_known && !agree(from, to)) {
      return wrong(where + ": shapes differ: expected " + describe_shape(to) + ", got " + describe_shape(from));
    }
    if (b_.link_into(input) || b_.link_out_of(output)) return wrong(where + ": linked twice");
    LANEWAY_TRY(check_initial(where, to, link.initial));
    b_.links.push_back({output, input, link.initial});
    b_.given[input] = true;
    b_.wanted[output] = true;
    b_.proven.push_back({output, input});
    return {};
  }

  // Where the shape varies so do the bytes: then as many are taken as there is room for, and zeros after them.
  static Expected<> check_initial(const std::string& where, const Port& to, std::span<const std::byte> initial) {
    std::vector<std::int64_t> extents;
    for (const Dimension& dimension : to.shape) extents.push_back(dimension.extent.value_or(-1));
    const auto bytes = byte_count(to.dtype, extents);
    if (initial.empty() || !to.rank_known || !bytes || *bytes == initial.size()) return {};
    return wrong(where + ": wrong initial state: expected " + std::to_string(*bytes) + " bytes, got " +
                 std::to_string(initial.size()));
  }

  static bool agree(const Port& from, const Port& to) {
    if (from.shape.size() != to.shape.size()) return false;
    for (std::size_t axis = 0; axis < from.shape.size(); ++axis) {
      const auto& a = from.shape[axis].extent;
      const auto& b = to.shape[axis].extent;
      if (a && b && *a != *b) return false;
    }
    return true;
  }

  // Memory of the caller for an output proves its shape; one place for several lanes would be a race.
  void callers_memory() {
    for (const PortSpec& port : spec_.ports) {
      const auto found = find(port.name);
      if (!found) continue;
      check_linked("ports", port, *found);
      if (found->input || !given_memory(port)) continue;
      if (port.shape) b_.proven.push_back({found->index, *port.shape});
      if (port.memory && spec_.buckets) {
        problems_.add(wrong("ports: " + port.name + for_many_buckets));
      } else if (port.memory && spec_.lanes > 1) {
        problems_.add(wrong("ports: " + port.name + ": one memory for the output of several lanes: expected per_lane[i].ports"));
      }
    }
  }

  bool given_memory(const PortSpec& port) const {
    const auto is = [&](const PortSpec& own) { return own.name == port.name && own.memory; };
    const auto by_lane = [&](const LaneSpec& lane) { return std::ranges::any_of(lane.ports, is); };
    return port.memory || std::ranges::any_of(spec_.per_lane, by_lane);
  }

  void check_linked(const std::string& field, const PortSpec& port, const Found& found) {
    const bool linked = found.input ? b_.link_into(found.index) != nullptr : b_.link_out_of(found.index) != nullptr;
    if (linked && port.memory) problems_.add(wrong(field + ": " + port.name + ": memory for a linked port: expected none"));
    if (linked && port.placement == Placement::device)
      problems_.add(wrong(field + ": " + port.name + ": a linked port on a device: expected the host, where its state is set"));
  }

  void per_lane() {
    if (spec_.per_lane.size() > static_cast<std::size_t>(std::max(spec_.lanes, 0))) {
      problems_.add(wrong("per_lane: more entries than lanes: expected at most " + std::to_string(spec_.lanes) + ", got " +
                          std::to_string(spec_.per_lane.size())));
    }
    std::vector<const PortSpec*> written;
    for (std::size_t i = 0; i < spec_.per_lane.size(); ++i) {
      const std::string field = "per_lane[" + std::to_string(i) + "].ports";
      for (const PortSpec& port : spec_.per_lane[i].ports) per_lane_port(field, port, written);
    }
  }

  void per_lane_port(const std::string& field, const PortSpec& port, std::vector<const PortSpec*>& written) {
    const auto found = find(port.name);
    if (!found) {
      problems_.add(Error(found.error()).with_context(field));
      return;
    }
    const std::string where = field + ": " + port.name;
    check_kind(field, port, (found->input ? b_.inputs : b_.outputs)[found->index]);
    check_linked(field, port, *found);
    if (port.shape) problems_.add(wrong(where + ": a shape for one lane: expected it in `ports`, for all of them"));
    if (found->input || !port.memory) return;
    if (spec_.buckets) problems_.add(wrong(where + for_many_buckets));
    const auto shared = [&](const PortSpec* other) { return overlap(*other->memory, *port.memory); };
    if (std::ranges::any_of(written, shared)) problems_.add(wrong(where + ": memory that another output is written to"));
    written.push_back(&port);
  }

  static bool overlap(const Memory& a, const Memory& b) {
    const auto* first = static_cast<const std::byte*>(a.data);
    const auto* second = static_cast<const std::byte*>(b.data);
    const bool same_place = a.placement == b.placement && a.device == b.device;
    return same_place && std::less<>()(first, second + b.bytes) && std::less<>()(second, first + a.bytes);
  }

  void varying() {
    auto dimensions = Dimensions::of(b_.inputs, b_.given);
    if (!dimensions) {
      problems_.add(std::move(dimensions).error());
      return;
    }
    b_.dimensions = *std::move(dimensions);
    if (spec_.buckets) return;
    for (const std::string& name : b_.dimensions.names()) {
      problems_.add(wrong("dimensions: " + name + ": not fixed: expected its extent, as {\"" + name +
                          "\", 1} (or buckets, for shapes that vary)"));
    }
  }

  Blueprint& b_;
  RuntimeSpec& spec_;
  Problems& problems_;
};

// Later ones win: what is said of a port over what is said of a direction, a lane over the runtime.
void apply(const PortSpec& port, Blueprint::PortMemory& memory) {
  if (port.memory) memory.caller = port.memory;
  if (port.pages) memory.pages = *port.pages;
  if (port.placement) memory.placement = *port.placement;
  if (port.owner != MemoryOwner::laneway) memory.owner = port.owner;
}

}  // namespace

std::shared_ptr<Blueprint> Blueprint::make(RuntimeSpec spec, const Engine& engine, Problems& problems) {
  auto blueprint = std::make_shared<Blueprint>(Blueprint{.spec = std::move(spec),
                                                         .inputs = {engine.inputs().begin(), engine.inputs().end()},
                                                         .outputs = {engine.outputs().begin(), engine.outputs().end()},
                                                         .given = {},
                                                         .wanted = {},
                                                         .links = {},
                                                         .proven = {},
                                                         .dimensions = {},
                                                         .watcher = std::make_shared<Watcher>(),
                                                         .job_threads = nullptr,
                                                         .metrics = nullptr});
  const auto cores = static_cast<int>(allowed_cores().size());
  blueprint->job_threads = std::make_shared<JobThreads>(blueprint->spec.job_threads.value_or(std::max(cores, 1)));
  Draft(*blueprint, problems).fill();
  return blueprint;
}

namespace {

// Outputs follow from inputs: fixed extents of theirs may differ from model to model.
Expected<> check_same_port(const Port& wanted, const Port& got, bool input) {
  const std::string where = (input ? "input " : "output ") + wanted.name;
  const auto differs = [&](const char* what, const std::string& a, const std::string& b) {
    return wrong(where + ": another " + what + " in the bucket's model: expected " + a + ", got " + b);
  };
  if (wanted.name != got.name) return differs("port", wanted.name, got.name);
  if (wanted.kind != got.kind) return differs("kind", std::string(name(wanted.kind)), std::string(name(got.kind)));
  if (wanted.dtype != got.dtype) return differs("dtype", std::string(name(wanted.dtype)), std::string(name(got.dtype)));
  if (!wanted.rank_known || !got.rank_known) return {};
  bool fits = wanted.shape.size() == got.shape.size();
  for (std::size_t axis = 0; fits && input && axis < got.shape.size(); ++axis) {
    const auto& a = wanted.shape[axis].extent;
    const auto& b = got.shape[axis].extent;
    fits = !a || !b || *a == *b;
  }
  return fits ? Expected<>() : differs("shape", describe_shape(wanted), describe_shape(got));
}

Expected<> check_same_ports(std::span<const Port> wanted, std::span<const Port> got, bool input) {
  if (wanted.size() != got.size()) {
    return wrong(std::string(input ? "inputs" : "outputs") + ": another number in the bucket's model: expected " +
                 std::to_string(wanted.size()) + " (" + names_of(wanted) + "), got " + std::to_string(got.size()) + " (" +
                 names_of(got) + ")");
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) LANEWAY_TRY(check_same_port(wanted[i], got[i], input));
  return {};
}

}  // namespace

Expected<OpenEngine> Blueprint::fitting(OpenEngine engine) const {
  if (!engine) return wrong("model: a null engine: expected one that is open");
  LANEWAY_TRY(check_same_ports(inputs, engine->inputs(), true));
  LANEWAY_TRY(check_same_ports(outputs, engine->outputs(), false));
  if (!spec.buckets || !spec.buckets->padding || engine->traits().resizable) return engine;
  return pad_engine(std::move(engine), *spec.buckets->padding, inputs, outputs);
}

PlanSpec Blueprint::plan_spec(const Extents& capacity) const {
  PlanSpec plan{.inputs = std::vector<Shape>(inputs.size()), .given = given, .outputs = {}, .proven = proven};
  dimensions.shapes(capacity, plan.inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i]) plan.outputs.push_back(i);
  }
  return plan;
}

Blueprint::PortMemory Blueprint::memory_of(std::size_t lane, std::size_t port, bool input) const {
  const std::string& name = (input ? inputs : outputs)[port].name;
  const auto& direction = input ? spec.input_pages : spec.output_pages;
  PortMemory memory{.pages = direction.value_or(spec.pages)};
  for (const PortSpec& said : spec.ports) {
    if (said.name == name) apply(said, memory);
  }
  if (lane >= spec.per_lane.size()) return memory;
  const LaneSpec& own = spec.per_lane[lane];
  if (own.pages) memory.pages = *own.pages;
  for (const PortSpec& said : own.ports) {
    if (said.name == name) apply(said, memory);
  }
  return memory;
}

const Blueprint::LinkedPorts* Blueprint::link_into(std::size_t input) const noexcept {
  const auto hit = std::ranges::find(links, input, &LinkedPorts::input);
  return hit == links.end() ? nullptr : &*hit;
}

const Blueprint::LinkedPorts* Blueprint::link_out_of(std::size_t output) const noexcept {
  const auto hit = std::ranges::find(links, output, &LinkedPorts::output);
  return hit == links.end() ? nullptr : &*hit;
}

}  // namespace laneway
