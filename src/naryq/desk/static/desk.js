// The page works without this: it refreshes the parts that have changed, and lets a ticket answer to a click on a price.
(() => {
    "use strict"
    const live = document.querySelector("[data-live]")

    const busy = part => part.contains(document.activeElement)
    const opened = part => [...part.querySelectorAll("details[open]")].map(one => one.id).filter(Boolean)

    const refresh = text => {
        const fresh = new DOMParser().parseFromString(text, "text/html")
        for (const part of document.querySelectorAll("[data-part]")) {
            const next = fresh.getElementById(part.id)
            if (!next || next.innerHTML === part.dataset.last || busy(part)) continue
            const open = opened(part)
            part.dataset.last = next.innerHTML
            part.innerHTML = next.innerHTML
            open.forEach(id => { const one = document.getElementById(id); if (one) one.open = true })
        }
    }

    const say = state => {
        live.dataset.state = state
        live.textContent = live.dataset[state]
    }

    // A browser has six connections for one address: a page that nobody looks at gives its own back.
    let source = null
    const listen = () => {
        if (source || document.hidden) return
        source = new EventSource(live.dataset.live)
        source.addEventListener("open", () => say("on"))
        source.addEventListener("error", () => say("off"))
        source.addEventListener("page", event => refresh(JSON.parse(event.data)))
        source.addEventListener("gone", () => location.reload())
    }
    const rest = () => {
        if (source) source.close()
        source = null
    }
    if (live && window.EventSource) {
        document.addEventListener("visibilitychange", () => document.hidden ? rest() : listen())
        addEventListener("pagehide", rest)
        addEventListener("pageshow", listen)
        listen()
    }

    const clock = document.querySelector("[data-clock]")
    if (clock) {
        const ahead = Number(clock.dataset.clock) - Date.now()
        const two = number => String(number).padStart(2, "0")
        const tick = () => {
            const now = new Date(Date.now() + ahead + Number(clock.dataset.offset) * 60000)
            clock.textContent = `${two(now.getUTCHours())}:${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())}`
            for (const one of document.querySelectorAll("[data-until]")) {
                const left = Math.max(0, Math.floor((Number(one.dataset.until) - Date.now() - ahead) / 1000))
                const hours = Math.floor(left / 3600)
                one.textContent = `${hours ? `${hours}:` : ""}${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`
            }
        }
        tick()
        setInterval(tick, 1000)
    }

    // A price of the book goes into the ticket: the side that would trade with it, and the price.
    document.addEventListener("click", event => {
        const button = event.target.closest("[data-price]")
        const ticket = button && document.querySelector("form[data-ticket]")
        if (!ticket) return
        ticket.elements.price_tenge_per_tonne.value = button.dataset.price
        for (const one of ticket.elements.side) one.checked = one.value === button.dataset.side
        ticket.elements.quantity_lots.focus()
    })

    // A form is sent once, however often its button is pressed.
    document.addEventListener("submit", event => {
        if (event.target.dataset.sent) event.preventDefault()
        event.target.dataset.sent = "yes"
        setTimeout(() => { delete event.target.dataset.sent }, 4000)
    })
    addEventListener("pageshow", () => document.querySelectorAll("form").forEach(one => delete one.dataset.sent))

    const here = document.querySelector(".nav a[aria-current]")
    if (here) here.scrollIntoView({ block: "nearest", inline: "center" })

    const wrong = document.querySelector("[data-refused]")
    if (wrong) wrong.focus()
})()
