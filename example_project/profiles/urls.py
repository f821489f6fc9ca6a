from __future__ import annotations

from django.urls import path

from . import views

app_name = "profiles"

urlpatterns = [
    path("", views.PeopleView.as_view(), name="people"),
    path("people/<str:username>/", views.PersonView.as_view(), name="person"),
    path("teams/", views.TeamsView.as_view(), name="teams"),
    path("teams/<int:pk>/", views.TeamView.as_view(), name="team"),
    path("me/", views.MeView.as_view(), name="me"),
    # For developers.
    path("rounds/", views.RoundsView.as_view(), name="rounds"),
    path("rounds/<slug:slug>/send/", views.RoundSendView.as_view(), name="round_send"),
    path("rounds/<slug:slug>/delete/", views.RoundDeleteView.as_view(), name="round_delete"),
    path("storage/", views.StorageView.as_view(), name="storage"),
]
