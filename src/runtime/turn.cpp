#include "runtime/turn.h"

#include <map>

namespace laneway {

std::shared_ptr<Turn> Turn::of(const OpenEngine& engine) {
  if (engine->traits().concurrent_bindings) return nullptr;
  static std::mutex mutex;
  static std::map<const Engine*, std::weak_ptr<Turn>> turns;
  const std::lock_guard lock(mutex);
  std::erase_if(turns, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Turn>& known = turns[engine.get()];
  std::shared_ptr<Turn> turn = known.lock();
  if (!turn) known = turn = std::make_shared<Turn>();
  return turn;
}

}  // namespace laneway
