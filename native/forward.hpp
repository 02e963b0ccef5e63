// The forward pass of one shard. Included once for each instruction set, after layout.hpp.

// Packs the weights, and adds up the biases that end in one plane.
template <typename T> void prepare_forward(const Layout<T>& layout, T* shared) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, I = layout.I, N = layout.N;
    Carver<T> carve{shared};
    T* W = carve.take(layout.packed_W());
    T* U = carve.take(layout.packed_U());
    T* bias = carve.take(layout.biases());
    zero_row(bias, layout.biases());
    for (int64_t g = 0; g < plan.input_gates; ++g) {
        pack(I, H, call.W + g * H * I, 1, I, W + g * I * N);
        if (call.b) copy_row(bias + g * N, call.b + g * H, H);
    }
    for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) {
        pack(H, H, call.U + g * H * H, 1, H, U + g * H * N);
        const int64_t into = plan.recurrent_gates[g].into_input;
        T* sum = bias + (into >= 0 ? into : plan.input_gates + g) * N;
        if (call.c)
            for (int64_t j = 0; j < H; ++j) sum[j] += call.c[g * H + j];
    }
}

template <typename T> struct Forward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    int64_t shard, plane;
    const T *W, *U, *bias;
    T *x, *wx, *uh, *units, *start, *free_slots, *scratch;

    Forward(const Layout<T>& with, int64_t of, Rows which, const T* shared, T* own)
        : layout(with), call(with.call), plan(with.plan), rows(which), shard(of) {
        plane = layout.plane();
        W = shared;
        U = W + layout.packed_W();
        bias = U + layout.packed_U();
        Carver<T> carve{own};
        x = carve.take(layout.chunk_rows() * layout.NI);
        wx = carve.take(layout.chunk_rows() * plan.input_gates * layout.L);
        uh = carve.take(plan.recurrent_gate_count * plane);
        units = carve.take(plan.units * plane);
        start = carve.take(plan.states * plane);
        free_slots = carve.take(2 * plan.states * plane + plan.kept * plane);
        scratch = carve.take(scratch_size<T>(plan.step));
    }

    int64_t step_at(int64_t place) const { return call.reverse ? call.steps - 1 - place : place; }

    // The states after the step at a place in the order of running: on the tape, or in one of two
    // slots in turn where nothing is kept.
    T* states_after(int64_t place) const {
        if (place < 0) return start;
        if (call.tape) return layout.slot_of(shard, step_at(place));
        return free_slots + (place % 2) * plan.states * plane;
    }

    void spread() {
        fill_constants(plan.step, scratch);
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * layout.L, call.units[u], layout.H);
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(start + s * plane + r * layout.L,
                         call.start[s] + rows.index[r] * layout.H, layout.H);
    }

    // W x + b for as many steps as make a chunk of rows; gives the place after the last of them.
    int64_t input_products(int64_t place) {
        int64_t m = 0;
        for (; place < call.steps && m < layout.chunk; ++place) {
            const int64_t t = step_at(place), n = rows.active(t);
            for (int64_t r = 0; r < n; ++r)
                copy_row(x + (m + r) * layout.I,
                         call.x + (t * call.rows + rows.index[r]) * layout.I, layout.I);
            m += n;
        }
        for (int64_t g = 0; g < plan.input_gates; ++g)
            product(m, layout.N, layout.I, x, layout.I, 1, W + g * layout.I * layout.N, 0,
                    wx + g * layout.chunk_rows() * layout.L, layout.L, Begin::bias,
                    bias + g * layout.N);
        return place;
    }

    void step(int64_t place, int64_t offset, int64_t n) {
        const int64_t t = step_at(place), L = layout.L;
        const T* before = states_after(place - 1);
        T* after = states_after(place);
        T* kept = call.tape ? after + plan.states * plane : nullptr;
        auto wx_of = [&](int64_t g) { return wx + (g * layout.chunk_rows() + offset) * L; };
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) {
            const int64_t into = plan.recurrent_gates[g].into_input;
            product(n, layout.N, layout.H, before, L, 1, U + g * layout.H * layout.N, 0,
                    into >= 0 ? wx_of(into) : uh + g * plane, L,
                    into >= 0 ? Begin::add : Begin::bias,
                    bias + (plan.input_gates + g) * layout.N);
        }
        const T* inputs[most_planes];
        T* outputs[most_planes];
        for (int32_t i = 0; i < plan.step.input_count; ++i) {
            const Place p = plan.step_inputs[i];
            inputs[i] = p.plane == Plane::input_product      ? wx_of(p.number)
                        : p.plane == Plane::recurrent_product ? uh + p.number * plane
                        : p.plane == Plane::state             ? before + p.number * plane
                                                              : units + p.number * plane;
        }
        for (int32_t i = 0; i < plan.step.output_count; ++i) {
            const Place p = plan.step_outputs[i];
            outputs[i] = (p.plane == Plane::next_state ? after : kept) + p.number * plane;
        }
        interpret(plan.step, n * L, inputs, outputs, scratch);
        for (int64_t r = 0; r < rows.count; ++r) {
            T* y = call.y + (t * call.rows + rows.index[r]) * layout.H;
            if (r < n) copy_row(y, after + r * L, layout.H);
            else zero_row(y, layout.H);
        }
    }

    void finish(const T* states, int64_t from, int64_t to) {
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = from; r < to; ++r)
                copy_row(call.final[s] + rows.index[r] * layout.H,
                         states + s * plane + r * layout.L, layout.H);
    }

    void run() {
        spread();
        int64_t n = call.steps ? rows.active(step_at(0)) : 0, ready = 0, offset = 0;
        int64_t begun = n;  // rows that have been valid so far
        for (int64_t place = 0; place < call.steps; ++place) {
            if (place == ready) {
                ready = input_products(place);
                offset = 0;
            }
            step(place, offset, n);
            offset += n;
            const int64_t next = place + 1 < call.steps ? rows.active(step_at(place + 1)) : 0;
            if (next < n) finish(states_after(place), next, n);
            for (int64_t s = 0; next > n && s < plan.states; ++s)  // rows that begin only now
                for (int64_t r = n; r < next; ++r)
                    copy_row(states_after(place) + s * plane + r * layout.L,
                             start + s * plane + r * layout.L, layout.L);
            n = next;
            begun = n > begun ? n : begun;
        }
        finish(start, begun, rows.count);  // rows without any valid step
    }
};
