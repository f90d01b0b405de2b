// No query of a list makes SQL that fails: it is answered with a page, which leads to further pages, or with a 422.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "crud/operation.hpp"
#include "crud/test_support.hpp"

using namespace data_bridge;

namespace {

// A store of a few products, among them some that a query might be taken for.
class Products {
 public:
  Products() {
    if (!resource_->attach(store_.store())) std::abort();
    for (const char* const product :
         {R"({"name":"a","price":1.5})", R"({"name":"A","price":2,"tags":["x","'"],"note":null})",
          R"({"name":"'; DROP TABLE products;--","price":1e300,"note":"%"})",
          R"({"name":"\u00e9\u0000\\","price":3,"tags":["x","x"],"note":""})"}) {
      if (crud::perform(*create_, {.path = "/p", .content_type = "application/json", .body = product}).status != 201) {
        std::abort();
      }
    }
  }

  void ask(std::string_view query) const {
    std::string next(query);
    // A page has an item at least, or no next one.
    for (int page = 0; page < 6; ++page) {
      const crud::Response answer = crud::perform(*list_, {.path = "/p", .query = next});
      if (answer.status == 422 && page == 0) return;
      if (answer.status != 200) std::abort();
      const std::string link = crud::header(answer, "link");
      if (link.empty()) return;
      const std::size_t begin = link.find('?') + 1;
      next = link.substr(begin, link.find('>') - begin);
    }
    std::abort();
  }

 private:
  crud::TemporaryStore store_;
  const std::shared_ptr<crud::Resource> resource_ =
      crud::make_resource(crud::product_spec(), {.table = "products"}, crud::kInt, 5, crud::product_filters());
  const std::shared_ptr<const crud::Operation> create_ = crud::make_operation(crud::OperationKind::kCreate, resource_);
  const std::shared_ptr<const crud::Operation> list_ = crud::make_operation(crud::OperationKind::kList, resource_);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Products products;
  products.ask({reinterpret_cast<const char*>(data), size});
  return 0;
}
