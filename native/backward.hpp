// The backward pass of one shard, or of one thread's parts of it: the recursion of backpropagation
// through time, the weight gradients summed up chunk by chunk. Included once for each instruction set,
// after forward.hpp and sums.hpp.

template <typename T> void prepare_backward(const Layout<T>& layout, const Part& part, T* shared) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, I = layout.I, all = plan.recurrent_gate_count;
    pack<T>({call.U + part.first, all, H * H, H, H, 1, 0, part.units, 1}, shared + part.first * all * H);
    if (call.wants_dx && part.first == 0)  // read by every part
        pack<T>({call.W, plan.input_gates, H * I, H, I, 1, 0, I, 1}, shared + layout.packed_U());
}

template <typename T> struct Backward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    Crew crew;
    Part own;  // the columns that this thread writes
    int64_t shard, plane, apart;
    Sums<T> sums;
    T *x, *h, *dx, *da, *du, *delta, *passed, *start, *units, *d_units, *scratch;
    T *wx, *uh, *kept_again, *states_again, *scratch_again;
    bool is_passed[most_planes] = {}, is_used[most_planes] = {};  // states, units
    bool of_W, of_U, of_b, of_c;  // which sums are wanted
    mutable const Stretch<T>* latest;  // the one looked at last: steps are gone through in order

    Backward(const Layout<T>& with, int64_t of, Rows which, Crew among, T* sum, T* space)
        : layout(with), call(with.call), plan(with.plan), rows(which), crew(among),
          own(with.parts_of(among)), shard(of), plane(with.plane()),
          apart(with.chunk_rows() * with.L), sums(with, sum),
          of_W(call.dW || call.sums), of_U(call.dU || call.sums), of_b(call.db || call.sums),
          of_c(call.dc || call.sums), latest(call.stretches) {
        Carver<T> carve{space};
        da = carve.take(plan.input_gates * apart);
        du = carve.take(plan.recurrent_gate_count * apart);
        delta = carve.take(plan.states * plane);
        passed = carve.take(plan.states * plane);
        start = carve.take(plan.states * plane);
        units = carve.take(plan.units * plane);
        d_units = carve.take(plan.units * plane);
        if (layout.again) {
            wx = carve.take(plan.input_gates * apart);
            uh = carve.take(plan.recurrent_gate_count * apart);
            kept_again = carve.take(layout.kept() * apart);
            states_again = carve.take(plan.states * plane);
        }
        carve.take(crew.worker * layout.worker_backward());
        x = carve.take(layout.chunk_rows() * layout.NI);
        dx = carve.take(layout.chunk_rows() * layout.NI);
        h = carve.take(padded<T>(layout.chunk_rows() * layout.H));
        scratch = carve.take(scratch_size<T>(plan.adjoint, layout.L));
        scratch_again = carve.take(layout.again ? scratch_size<T>(plan.step, layout.L) : 0);
        for (int32_t i = 0; i < plan.adjoint.output_count; ++i) {
            const Place p = plan.adjoint_outputs[i];
            if (p.plane == Plane::d_state) is_passed[p.number] = true;
            if (p.plane == Plane::d_unit) is_used[p.number] = true;
        }
    }

    int64_t step_at(int64_t place) const { return call.reverse ? call.steps - 1 - place : place; }
    // The stretch that a step is in.
    const Stretch<T>& at(int64_t t) const {
        while (t < latest->first) --latest;
        while (t >= latest->first + latest->steps) ++latest;
        return *latest;
    }
    static Weights<T> weights_of(const Layout<T>& layout, const Stretch<T>& stretch) {
        return Weights<T>(layout, stretch.packed + layout.shared_backward());
    }
    const T* states_after(int64_t place) const {
        if (place < 0) return start;
        const int64_t t = step_at(place);
        const Stretch<T>& in = at(t);
        return in.tape + (shard * in.steps + t - in.first) * layout.slot();
    }
    // The gradient at `W x + b`, from a row of the chunk on.
    T* da_of(int64_t g, int64_t row) const { return da + g * apart + row * layout.L; }
    // The gradient at `U h + c`: the same plane as that at `W x + b` where only their sum is used.
    T* du_of(int64_t g, int64_t row) const {
        const int64_t into = plan.recurrent_gates[g].into_input;
        return into >= 0 ? da_of(into, row) : du + g * apart + row * layout.L;
    }

    void spread() {
        fill_constants(plan.adjoint, layout.L, scratch);
        if (layout.again) fill_constants(plan.step, layout.L, scratch_again);
        if (!call.sums) sums.clear(layout, own);
        const int64_t L = layout.L, H = layout.H, first = own.first;
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * L + first, call.units[u] + first, own.units);
        for (int64_t s = 0; s < plan.states; ++s) {
            const int64_t at = s * plane + first;
            gather(rows, rows.count, own.units, call.start[s] + first, H, start + at, L);
            if (call.dfinal[s])
                gather(rows, rows.count, own.units, call.dfinal[s] + first, H, delta + at, L);
            else
                for (int64_t r = 0; r < rows.count; ++r) zero_row(delta + at + r * L, own.columns);
        }
    }

    // Lays what a step worked on into the chunk's rows.
    void gather_step(int64_t place, int64_t n, int64_t row) {
        const int64_t t = step_at(place), I = layout.I, H = layout.H;
        if (of_W || layout.again)
            gather(rows, n, I, at(t).x + (t - at(t).first) * call.rows * I, I, x + row * I, I);
        const T* before = states_after(place - 1);
        if (of_U || layout.again)
            for (int64_t r = 0; r < n; ++r) copy_row(h + (row + r) * H, before + r * layout.L, H);
    }

    // Computes again what was not kept of the steps of a chunk, from the last to the first.
    void compute_again(int64_t last, int64_t first, int64_t m) {
        const Products<T> products{layout, weights_of(layout, at(step_at(last))), wx, uh, apart, apart};
        layout.each_part_of(crew, [&](const Part& part) {
            products.of_inputs(part, m, x);
            products.of_states(part, m, h, layout.H, 0, 0);
        });
        int64_t row = 0;
        for (int64_t place = last; place >= first; --place) {
            const int64_t n = rows.active(step_at(place));
            run_step(layout, own, products, n, row, row, states_after(place - 1), states_again,
                     kept_again + row * layout.L, apart, units, scratch_again);
            row += n;
        }
    }

    // The explicit part of a step, and its program, which gives the gradients at the products.
    void step(int64_t place, int64_t n, int64_t row) {
        const int64_t t = step_at(place), L = layout.L, H = layout.H;
        const T* before = states_after(place - 1);
        const T* after = states_after(place);
        const T* kept = layout.again ? kept_again + row * L : after + plan.states * plane;
        const int64_t kept_apart = layout.again ? apart : plane;
        const int64_t kept_planes = layout.slot() / plane - plan.states;
        const int64_t ahead = own.all ? n * L : own.columns;
        if (place > 0)
            fetch<false>(states_after(place - 1) + plan.states * plane + own.first, kept_planes, plane,
                         ahead);
        if (place > 1) fetch<false>(states_after(place - 2) + own.first, plan.states, plane, ahead);
        if (call.dy && t >= call.dy_first) add_explicit(call.dy + (t - call.dy_first) * call.rows * H, n);
        const T* inputs[most_planes];
        T* outputs[most_planes];
        for (int32_t i = 0; i < plan.adjoint.input_count; ++i) {
            const Place p = plan.adjoint_inputs[i];
            inputs[i] = p.plane == Plane::state        ? before + p.number * plane
                        : p.plane == Plane::next_state ? after + p.number * plane
                        : p.plane == Plane::kept || p.plane == Plane::kept_row
                            ? kept + layout.kept_at(p, kept_apart)
                        : p.plane == Plane::unit       ? units + p.number * plane
                                                       : delta + p.number * plane;
        }
        for (int32_t i = 0; i < plan.adjoint.output_count; ++i) {
            const Place p = plan.adjoint_outputs[i];
            outputs[i] = p.plane == Plane::d_input_product       ? da_of(p.number, row)
                         : p.plane == Plane::d_recurrent_product ? du_of(p.number, row)
                         : p.plane == Plane::d_state             ? passed + p.number * plane
                                                                 : d_units + p.number * plane;
        }
        interpret_part(plan.adjoint, own, {n, L, layout.H}, inputs, outputs, scratch);
        for (int64_t u = 0; u < plan.units; ++u)
            if (is_used[u])
                add_rows(n, own.columns, d_units + u * plane + own.first, L,
                         sums.units + u * layout.N + own.first);
    }

    // The explicit part of dE/dS_t.
    void add_explicit(const T* dy, int64_t n) {
        for (int64_t r = 0; r < n; ++r) {
            const T* __restrict from = dy + rows.index[r] * layout.H + own.first;
            T* __restrict to = delta + r * layout.L + own.first;
            for (int64_t j = 0; j < own.units; ++j) to[j] += from[j];
        }
    }

    // The implicit part: through the state itself, and through the products of the gates, which are of
    // all units.
    void pass_back(int64_t place, int64_t n, int64_t row) {
        const int64_t L = layout.L, all = plan.recurrent_gate_count;
        const T* U = at(step_at(place)).packed;
        for (int64_t s = 0; s < plan.states; ++s) {
            T* to = passed + s * plane + own.first;
            for (int64_t r = n; r < rows.count; ++r)  // rows that are not valid here
                copy_row(to + r * L, delta + s * plane + own.first + r * L, own.columns);
            for (int64_t r = 0; !is_passed[s] && (s > 0 || !all) && r < n; ++r)
                zero_row(to + r * L, own.columns);
        }
        const T* gates[most_planes];
        for (int64_t g = 0; g < all; ++g) gates[g] = du_of(g, row);
        if (all)
            layout.each_part_of(crew, [&](const Part& part) {
                T* to = passed + part.first;
                const T* begin = to;
                const T* packed = U + part.first * all * layout.H;
                product<T, false>(n, {gates, all, layout.H, L}, {packed, nullptr, 0},
                                  {&to, 1, part.columns, L, is_passed[0] ? &begin : nullptr, nullptr});
            });
        T* swap = delta;
        delta = passed;
        passed = swap;
    }

    // Adds what the `m` rows of a chunk have to say of the weights, while they are still in the cache.
    void add_to_sums(const Part& part, int64_t m) {
        const int64_t H = layout.H, I = layout.I, N = layout.N, L = layout.L;
        const int64_t inputs = plan.input_gates, all = plan.recurrent_gate_count;
        const Apart<const T> at_inputs(da + part.first, apart, inputs);
        const T* at_states[most_planes];
        for (int64_t g = 0; g < all; ++g) at_states[g] = du_of(g, 0) + part.first;
        if (of_W) {
            const Apart<T> to(sums.W + part.first, I * N, inputs);
            product<T, true>(I, {&x, 1, m, I}, {nullptr, at_inputs.plane, L},
                             {to.plane, inputs, part.columns, N, to.plane, nullptr});
        }
        if (of_U) {
            const Apart<T> to(sums.U + part.first, H * N, all);
            product<T, true>(H, {&h, 1, m, H}, {nullptr, at_states, L},
                             {to.plane, all, part.columns, N, to.plane, nullptr});
        }
        // Of gates whose two products are one plane, so are the gradients of their biases.
        for (int64_t g = 0; (of_b || of_c) && g < inputs; ++g)
            add_rows(m, part.columns, at_inputs.plane[g], L, sums.b + g * N + part.first);
        for (int64_t g = 0; of_c && g < all; ++g)
            if (plan.recurrent_gates[g].into_input < 0)
                add_rows(m, part.columns, at_states[g], L, sums.c + g * N + part.first);
    }

    // Writes the gradient of the inputs of a chunk's steps, from `last` down to `first`. It is a product
    // over all units; so the crew share the steps.
    void to_inputs(int64_t last, int64_t first) {
        const int64_t begins = layout.first_part(crew.worker, crew);
        const int64_t ends = layout.first_part(crew.worker + 1, crew);
        int64_t row = 0, place = last;
        for (int64_t p = 0; p < ends; ++p) {
            const int64_t begin = place, end = last - (last - first + 1) * (p + 1) / layout.parts;
            int64_t m = 0;
            for (; place > end; --place) m += rows.active(step_at(place));
            if (p >= begins) to_inputs(begin, end, row, m);
            row += m;
        }
    }
    void to_inputs(int64_t begin, int64_t end, int64_t row, int64_t m) {
        const int64_t I = layout.I, inputs = plan.input_gates;
        const Apart<const T> at_inputs(da_of(0, row), apart, inputs);
        const T* W = at(step_at(begin)).packed + layout.packed_U();
        product<T, false>(m, {at_inputs.plane, inputs, layout.H, layout.L}, {W, nullptr, 0},
                          {&dx, 1, layout.NI, layout.NI, nullptr, nullptr});
        const T* from = dx;
        for (int64_t place = begin; place > end; --place) {
            const int64_t t = step_at(place), n = rows.active(t);
            scatter(rows, n, I, from, layout.NI, call.dx + t * call.rows * I, I);
            from += n * layout.NI;
        }
    }

    void run() {
        spread();
        crew.meet();
        // What works on a whole chunk has one set of weights.
        const bool by_stretch = call.dx || layout.again;
        for (int64_t last = call.steps - 1, first; last >= 0; last = first - 1) {
            int64_t m = 0;
            for (first = last + 1; first > 0 && m < layout.chunk; m += rows.active(step_at(first))) {
                if (by_stretch && first <= last && &at(step_at(first - 1)) != &at(step_at(last))) break;
                --first;
                if (layout.again) gather_step(first, rows.active(step_at(first)), m);
            }
            if (layout.again) compute_again(last, first, m);
            m = 0;
            for (int64_t place = last; place >= first; --place) {
                const int64_t n = rows.active(step_at(place));
                if (!layout.again) gather_step(place, n, m);
                step(place, n, m);
                // Once is enough: the next step writes other rows than those that are read now.
                crew.meet();
                pass_back(place, n, m);
                m += n;
            }
            layout.each_part_of(crew, [&](const Part& part) { add_to_sums(part, m); });
            if (call.dx) to_inputs(last, first);
            crew.meet();  // the next chunk writes where this one is read
        }
        for (int64_t s = 0; s < plan.states; ++s)
            if (call.dstart[s])
                scatter(rows, rows.count, own.units, delta + s * plane + own.first, layout.L,
                        call.dstart[s] + own.first, layout.H);
    }
};
